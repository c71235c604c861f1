"""What a BatchNorm layer of a prototxt is in one dialect: engine, blobs, gamma and beta."""

from __future__ import annotations

from typing import NamedTuple

from protolint.caffe.batchnorm import BatchNormKind, NormParam
from protolint.caffe.dialect import Dialect
from protolint.layers.layer import Layer

__all__ = ["BatchNormTraits", "batchnorm_traits", "effective_eps", "norm_param"]

_UNSAID = NormParam()


class BatchNormTraits(NamedTuple):
    """One BatchNorm layer: the engine that runs it, and its blobs by role, in order."""

    engine: str
    kind: BatchNormKind
    affine: bool
    blobs: tuple[str, ...]

    @property
    def trains_in_place(self) -> bool:
        """Whether its gradient is right when top and bottom are one blob."""
        return self.kind.trains_in_place(affine=self.affine)


def effective_eps(dialect: Dialect, engine: str, written: float | None) -> float:
    """The eps that a layer adds to the variance, as a 32-bit float; None: it says nothing."""
    return dialect.engines[engine].eps.effective(written)


def batchnorm_traits(layer: Layer, dialect: Dialect, *, with_cudnn: bool) -> BatchNormTraits:
    """Return the traits of a BatchNorm layer in a dialect."""
    param = norm_param(layer)
    engine = dialect.resolve_engine(param.engine or "", with_cudnn=with_cudnn)
    kind = dialect.engines[engine]
    affine = kind.has_affine(asked=dialect.asks_for_affine(param))
    return BatchNormTraits(engine, kind, affine, kind.blobs_of(affine=affine))


def norm_param(layer: Layer) -> NormParam:
    """Return what the batch_norm_param of a layer says."""
    message = layer.parameter("batch_norm_param")
    if message is None:
        return _UNSAID

    def flag(field: str) -> bool | None:
        return message.flag(field) if field in message else None

    def number(field: str) -> float | None:
        return message.number(field) if field in message else None

    return NormParam(
        use_global_stats=flag("use_global_stats"),
        fraction=number("moving_average_fraction"),
        eps=number("eps"),
        scale_bias=flag("scale_bias"),
        engine=message.text("engine") if "engine" in message else None,
        scale_filler="scale_filler" in message,
        bias_filler="bias_filler" in message,
        use_weight_bias=flag("use_weight_bias"),
        bias_term=flag("bias_term"),
    )
