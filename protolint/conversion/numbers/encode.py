"""What one BatchNorm becomes in numbers, whatever kind of file it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.reading import Norm
from protolint.batchnorm.reference import Folded, fold
from protolint.batchnorm.state import (
    Array,
    BatchNormState,
    LayoutError,
    Statistic,
    with_affine,
    with_eps,
)
from protolint.conversion import file_refusals
from protolint.conversion.decide.affine import CONVOLUTION
from protolint.conversion.decide.step import Action
from protolint.conversion.numbers.weight_step import WeightStep
from protolint.record import NamedTuple

__all__ = [
    "Encoded",
    "LayerChange",
    "after_scale",
    "encode_norm",
    "no_equivalent",
    "written_layout",
]


class Encoded(NamedTuple):
    """One BatchNorm in the target's layout.

    `scale` are gamma and beta of the Scale layer after it, where that is new or changed.
    `folded` is what the source computes, with the Scale layer where `measured_with_scale`.
    `gamma_kept` says whether gamma is the source's, bit for bit: that of the BatchNorm, or
    of the Scale layer where that is changed.
    """

    blobs: tuple[Array, ...]
    scale: tuple[Array, ...] | None
    eps: float
    factor: float
    folded: Folded
    measured_with_scale: bool
    gamma_kept: bool


class LayerChange(NamedTuple):
    """What was made of one BatchNorm: for the report, and for the proof to measure."""

    norm: Norm
    step: WeightStep
    made: Encoded

    @property
    def name(self) -> str:
        """The layer's name in the source."""
        return self.norm.name

    @property
    def new_name(self) -> str:
        """The layer's name in the result."""
        return self.step.name or self.norm.name

    @property
    def new_scale(self) -> str:
        """The name in the result of the Scale layer behind it, "" where there is none."""
        merged = self.step.action is Action.MERGE
        return "" if merged else self.step.scale_name or self.step.scale


def written_layout(layout: Layout, channels: int) -> Layout:
    """Return the layout to write into a binary file: one that its own Caffe reads rightly."""
    name = layout.stored_as(channels)
    return layout if name == layout.name else LAYOUTS[name]._replace(eps=layout.eps)


@np.errstate(invalid="ignore", over="ignore")
def after_scale(folded: Folded, blobs: Sequence[Array]) -> Folded:
    """Return a folded BatchNorm with a Scale layer (gamma, and beta if it has one) after it."""
    if not blobs:
        return folded
    gamma = blobs[0].reshape(-1).astype(np.float64)
    beta = blobs[1].astype(np.float64) if len(blobs) > 1 else np.zeros_like(gamma)
    return Folded(
        folded.scale * gamma,
        folded.shift * gamma + beta,
        folded.size * np.abs(gamma) + np.abs(beta),
    )


def no_equivalent(norm: Norm, step: WeightStep, error: LayoutError) -> str:
    """Return why a layer's numbers cannot be written in a layout, and what to do about it."""
    layout = step.layout
    has_room = layout.affine or layout.sums
    return file_refusals.no_equivalent(norm.name, layout.name, str(error), has_room=has_room)


@np.errstate(invalid="ignore", over="ignore")
def encode_norm(
    norm: Norm, step: WeightStep, scale: tuple[Array, ...], *, resume: bool = False
) -> Encoded:
    """Return the blobs of a BatchNorm after its step.

    `scale` are the flat blobs of the Scale layer that the step names, none if there is no
    such layer. `resume` gives sums the factor of a run that has settled. Raises LayoutError
    where the numbers have no equivalent.
    """
    layout, state = step.layout, norm.state
    scale = _checked(scale, step, state.channels)
    folded = fold(state)
    if step.removes_scale and scale:
        state = with_affine(state, *scale)
        folded = after_scale(folded, scale)
    fitted = _fitted(state, step)
    kept = np.array_equal(fitted.scale, state.scale, equal_nan=True)
    separate = step.adds_scale
    beside: tuple[Array, ...] | None = layout.scale_blobs(fitted) if separate else None
    # What a kept Scale layer cannot leave to the BatchNorm has to go into it.
    kept_apart = step.action is Action.KEEP and step.scale != ""
    pushed = kept_apart and not layout.affine and not fitted.identity_affine
    if pushed or step.action is Action.FOLD:
        if not scale:
            raise LayoutError(file_refusals.no_gamma_for_each(step.scale))
        total = with_affine(fitted, *scale)
        separate, beside = True, (total.scale, total.shift)
        folded = after_scale(folded, scale)
        kept = np.array_equal(total.scale, scale[0], equal_nan=True)
    if beside is not None and not step.bias:
        if np.any(beside[1] != 0):
            raise LayoutError(file_refusals.no_bias(step.scale))
        beside = beside[:1]
    if beside is not None and step.scale_type == CONVOLUTION:
        beside = (beside[0].reshape(-1, 1, 1, 1), *beside[1:])
    blobs = layout.encode(
        fitted, factor=_factor(fitted, norm, step) if resume else None, separate_scale=separate
    )
    factor = float(blobs[2][0]) if layout.sums else 1.0
    return Encoded(blobs, beside, fitted.eps, factor, folded, separate, kept)


def _checked(scale: tuple[Array, ...], step: WeightStep, channels: int) -> tuple[Array, ...]:
    """Return the Scale layer's blobs where they belong to each channel."""
    if not scale or (len(scale) <= 2 and all(len(values) == channels for values in scale)):
        return scale
    if not step.removes_scale:
        return ()
    sizes = " and ".join(str(len(values)) for values in scale)
    raise LayoutError(file_refusals.other_sizes(step.scale, sizes, channels))


def _fitted(state: BatchNormState, step: WeightStep) -> BatchNormState:
    """Return the state with the eps that the target will add."""
    layout = step.layout
    if step.eps is not None and layout.statistic is not Statistic.INVERSE_DEVIATION:
        state = with_eps(state, layout.eps.effective(step.eps))
    return layout.fit(state)


def _factor(fitted: BatchNormState, norm: Norm, step: WeightStep) -> float | None:
    """Return the factor of sums of a settled run, where the source has plain statistics."""
    fraction = norm.facts.fraction
    if not step.layout.sums or fitted.factor != 1 or not 0 < fraction < 1:
        return None
    return float(2 ** round(math.log2(1 / (1 - fraction))))
