"""What one BatchNorm implementation of one Caffe is: blobs, eps, gamma and beta, training."""

from __future__ import annotations

from enum import Enum

from protolint.float32 import single
from protolint.record import NamedTuple

__all__ = ["STATISTICS", "Affine", "BatchNormKind", "EpsRule", "NormParam"]

#: The roles of the blobs that the solver must leave alone.
STATISTICS = ("mean", "variance", "factor")


class Affine(Enum):
    """Whether a BatchNorm layer holds gamma and beta itself."""

    NEVER = "never"
    ALWAYS = "always"
    ON_REQUEST = "on request"


class EpsRule(NamedTuple):
    """The eps that a layer really adds: `fixed`, or what is written, raised to the floor."""

    default: float = 1e-5
    floor: float | None = None
    fixed: float | None = None

    def effective(self, written: float | None) -> float:
        """Return the eps in use where the layer says `written` (None: nothing), as a float32."""
        if self.fixed is not None:
            return single(self.fixed)
        eps = single(self.default if written is None else written)
        return eps if self.floor is None else max(eps, single(self.floor))


class NormParam(NamedTuple):
    """What a layer's batch_norm_param says; None where it says nothing.

    `engine` is the name as written, such as "CUDNN". `scale_filler` and `bias_filler` are
    whether the layer gives one. `use_weight_bias` and `bias_term` are Intel's
    (caffe.proto @ intel/caffe 1.1.6), `scale_bias` is NVIDIA's (caffe.proto @ v0.16.1).
    """

    use_global_stats: bool | None = None
    fraction: float | None = None
    eps: float | None = None
    scale_bias: bool | None = None
    engine: str | None = None
    scale_filler: bool = False
    bias_filler: bool = False
    use_weight_bias: bool | None = None
    bias_term: bool | None = None

    @property
    def is_intels(self) -> bool:
        """Whether it has a field as only Intel's fork writes it."""
        return self.use_weight_bias is not None or self.bias_term is not None


class BatchNormKind(NamedTuple):
    """One BatchNorm implementation: the layer that a Caffe runs for one engine.

    `blobs` names the roles of the learnable blobs in order, `affine_blobs` those of a layer
    that holds gamma and beta; a kind that never or always does has one of the two empty.
    `layout` and `affine_layout` are the entries of protolint.batchnorm.layouts.LAYOUTS that
    belong to them, "" for the empty one.
    """

    affine: Affine
    blobs: tuple[str, ...]
    affine_blobs: tuple[str, ...]
    layout: str
    affine_layout: str
    eps: EpsRule = EpsRule()
    #: The axes of a blob: 1, or 4 for (1, C, 1, 1).
    blob_axes: int = 1
    #: The most axes a bottom may have, None where there is no bound.
    most_axes: int | None = None
    #: A non-zero lr_mult of a statistic aborts (LayerSetUp of batch_norm_layer.cpp @ BVLC rc4).
    checks_statistics_lr: bool = False
    #: Mean and variance are sums, which the layer divides by the factor when it runs.
    sums: bool = False
    #: Whether backward in place is right for a layer without gamma and beta, and with.
    in_place_plain: bool = True
    in_place_affine: bool = True
    #: The phase alone decides which statistics are used; use_global_stats does nothing.
    ignores_global_stats: bool = False
    #: Training starts by replacing the loaded statistics with those of the first batch.
    first_batch_replaces_statistics: bool = False
    #: But not where a solver state of some iterations is loaded as well.
    state_keeps_statistics: bool = False
    #: Training with stored statistics gives the layers above a wrong gradient (BN028).
    stored_statistics_spoil_gradient: bool = False
    #: Nothing in the layer sets the reserved blob, so that a solver's first step aborts where
    #: weight decay does not touch it (BN032).
    never_sets_reserved: bool = False
    #: The layer computes wrong numbers in a solver with `solver_mode: CPU` (SV004).
    wrong_on_cpu: bool = False
    #: The variance that a batch gives to the stored one is that of a sample, m / (m - 1) of what
    #: the batch itself is divided by.
    averages_unbiased: bool = False
    #: What a batch gives to the stored variance contains eps.
    averages_eps: bool = False
    #: After so many batches the variance of a batch is kept near the stored one.
    clips_variance_after: int | None = None
    #: The only batch whose statistics an average with `moving_average_fraction: 1` keeps: 1 the
    #: first, 2 the second, 0 none at all; None where the fraction is one of sums.
    batch_kept_at_fraction_one: int | None = None

    def layout_of(self, *, affine: bool) -> str:
        """Return the layout of a layer that has gamma and beta itself, or of one that has not."""
        return self.affine_layout if affine else self.layout

    def blobs_of(self, *, affine: bool) -> tuple[str, ...]:
        """Return the roles of the blobs of a layer with or without gamma and beta."""
        return self.affine_blobs if affine else self.blobs

    def trains_in_place(self, *, affine: bool) -> bool:
        """Return whether the gradient is right when top and bottom are one blob."""
        return self.in_place_affine if affine else self.in_place_plain

    def has_affine(self, *, asked: bool) -> bool:
        """Return whether a layer holds gamma and beta, where it asks for them or not."""
        return self.affine is Affine.ALWAYS or (asked and self.affine is Affine.ON_REQUEST)
