"""What a BatchNorm layer of a prototxt is in one dialect: engine, blobs, gamma and beta."""

from __future__ import annotations

from typing import NamedTuple

from protolint.caffe.batchnorm import Affine, BatchNormKind
from protolint.caffe.dialect import Dialect
from protolint.layers.layer import Layer

__all__ = ["BatchNormTraits", "batchnorm_traits", "effective_eps"]


class BatchNormTraits(NamedTuple):
    """One BatchNorm layer: the engine that runs it, and its blobs by role, in order."""

    engine: str
    kind: BatchNormKind
    affine: bool
    blobs: tuple[str, ...]

    @property
    def trains_in_place(self) -> bool:
        """Whether its gradient is right when top and bottom are one blob."""
        return self.kind.in_place_affine if self.affine else self.kind.in_place_plain


def effective_eps(dialect: Dialect, engine: str, written: float | None) -> float:
    """The eps that a layer adds to the variance, as a 32-bit float; None: it says nothing."""
    return dialect.engines[engine].eps.effective(written)


def batchnorm_traits(layer: Layer, dialect: Dialect, *, with_cudnn: bool) -> BatchNormTraits:
    """The traits of a BatchNorm layer in a dialect.

    In NVIDIA 0.16 and later either filler switches gamma and beta on, `scale_bias: false`
    or not (LayerSetUp of batch_norm_layer.cpp @ v0.16.1 to v0.17.4).
    """
    param = layer.parameter("batch_norm_param")
    written = param.text("engine") if param is not None else ""
    engine = dialect.resolve_engine(written, with_cudnn=with_cudnn)
    kind = dialect.engines[engine]
    affine = kind.affine is Affine.ALWAYS or (
        kind.affine is Affine.ON_REQUEST
        and param is not None
        and (param.flag("scale_bias") or "scale_filler" in param or "bias_filler" in param)
    )
    return BatchNormTraits(engine, kind, affine, kind.affine_blobs if affine else kind.blobs)
