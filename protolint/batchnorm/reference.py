"""The TEST-phase formula in float64: the measure every conversion is proven against.

    y = gamma * (x - mean / F) / sqrt(variance / F + eps) + beta  =  scale * x + shift

Divisions are exact here (float64), not those of the frameworks, so that source and
target are measured with one rule.
"""

from __future__ import annotations

import numpy as np

from protolint.batchnorm.state import Array, BatchNormState, Statistic
from protolint.caffe.batchnorm import EpsRule
from protolint.record import NamedTuple

__all__ = ["Folded", "apply", "fold", "largest_difference"]

# Numbers smaller than this are denormal floats or come from them: their rounding is no
# difference that could be seen in any output.
_SMALLEST = 1e-30


class Folded(NamedTuple):
    """A BatchNorm in TEST phase as one multiplication and one addition per channel.

    float64 arrays of shape (C). `size` is |beta| + |mean * scale|: the size of what was
    added up to `shift`, against which its rounding has to be judged.
    """

    scale: Array
    shift: Array
    size: Array


def fold(state: BatchNormState, rule: EpsRule | None = None) -> Folded:
    """Return the folded scale and shift of a state.

    `rule` is that of the Caffe which will run it, to see the effect of its default and
    floor; without it the state's own eps counts. Channels for which the framework
    would compute NaN or infinity are NaN or infinite here.
    """
    eps = state.eps if rule is None else rule.effective(state.eps)
    mean = _exact(state.stored_mean, state.factor)
    spread = _exact(state.stored_spread, state.factor)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if state.statistic is Statistic.INVERSE_DEVIATION:
            gain = spread
        else:
            if state.statistic is Statistic.SECOND_MOMENT:
                spread = spread - mean**2
            gain = 1 / np.sqrt(spread + eps)
        scale = state.scale.astype(np.float64) * gain
        beta = state.shift.astype(np.float64)
        return Folded(scale, beta - mean * scale, np.abs(beta) + np.abs(mean * scale))


def apply(folded: Folded, values: Array) -> Array:
    """Return the TEST-phase output, float64, for an input with its channels on axis 1."""
    axes = (1, -1) + (1,) * (values.ndim - 2)
    wide = values.astype(np.float64)
    result: Array = wide * folded.scale.reshape(axes) + folded.shift.reshape(axes)
    return result


def largest_difference(first: Folded, second: Folded) -> float:
    """How far two BatchNorms differ: the largest relative difference of any channel.

    Scales are compared relative to the larger one, shifts relative to the larger of
    what they were added up from, both relative to 1e-30 at least. Infinite where only
    one is NaN or infinite, or the numbers of channels differ; channels in which both are
    NaN do not count.
    """
    if first.scale.shape != second.scale.shape:
        return float("inf")
    scales = _relative(
        first.scale, second.scale, np.maximum(np.abs(first.scale), np.abs(second.scale))
    )
    shifts = _relative(first.shift, second.shift, np.maximum(first.size, second.size))
    return float(max(scales, shifts))


def _relative(first: Array, second: Array, size: Array) -> float:
    """Return the largest |first - second| / size; equal values differ by 0 whatever their size."""
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(same, 0.0, np.abs(first - second) / np.maximum(size, _SMALLEST))
    relative = np.where(np.isnan(relative), np.inf, relative)
    return float(relative.max(initial=0.0))


def _exact(stored: Array, factor: float) -> Array:
    """Statistics divided by their factor in float64; a factor of 0 makes them 0."""
    wide = stored.astype(np.float64)
    result: Array = np.zeros_like(wide) if factor == 0 else wide / factor
    return result
