"""What a BatchNorm layer of a prototxt is in one dialect: engine, blobs, gamma and beta."""

from __future__ import annotations

from protolint.caffe.batchnorm import BatchNormKind
from protolint.caffe.dialect import Dialect
from protolint.layers.by_text import by_text
from protolint.layers.layer import Layer
from protolint.record import NamedTuple

__all__ = ["BatchNormTraits", "batchnorm_traits"]


class BatchNormTraits(NamedTuple):
    """One BatchNorm layer: the engine that runs it, and its blobs by role, in order.

    `eps` is the one that it adds to the variance, as a 32-bit float.
    """

    engine: str
    kind: BatchNormKind
    affine: bool
    blobs: tuple[str, ...]
    eps: float

    @property
    def trains_in_place(self) -> bool:
        """Whether its gradient is right when top and bottom are one blob."""
        return self.kind.trains_in_place(affine=self.affine)


def batchnorm_traits(
    layer: Layer, dialect: Dialect, *, with_cudnn: bool, alone: bool = True
) -> BatchNormTraits:
    """Return the traits of a BatchNorm layer in a dialect.

    One that is not `alone` has its gamma and beta on request in a Scale layer behind it.
    """
    return _traits(layer, dialect, with_cudnn, alone)


@by_text
def _traits(layer: Layer, dialect: Dialect, with_cudnn: bool, alone: bool) -> BatchNormTraits:
    param = layer.batchnorm
    engine = dialect.resolve_engine(param.engine or "", with_cudnn=with_cudnn)
    kind = dialect.engines[engine]
    affine = kind.has_affine(asked=alone and dialect.asks_for_affine(param))
    blobs = kind.blobs_of(affine=affine)
    if param.bias_term is False:
        blobs = tuple(role for role in blobs if role != "beta")
    return BatchNormTraits(engine, kind, affine, blobs, kind.eps.effective(param.eps))
