"""The BatchNorm state: the numbers every layout decodes to and encodes from.

    y = gamma * (x - mean) / sqrt(variance + eps) + beta          per channel

The state keeps the statistics as the source stored them, still multiplied by their
factor or still an inverse deviation, so that a conversion that only has to copy them
copies every bit. They are divided, shifted or inverted only where a layout needs it,
in float64 and rounded once, except for the division by the factor: that is done as
BVLC Caffe and NVIDIA Caffe from v0.17.1 do it, in the type of the blobs, so that the
result is what the source framework computed with.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Any

import numpy as np

from protolint.errors import ProtolintError
from protolint.float32 import single
from protolint.record import NamedTuple
from protolint.weights.blobs import Array

__all__ = [
    "UNKNOWN_AGE",
    "Age",
    "Array",
    "BatchNormState",
    "LayoutError",
    "Statistic",
    "age_of",
    "divided",
    "inverted",
    "multiplied",
    "with_affine",
    "with_eps",
]


class LayoutError(ProtolintError):
    """Blobs that are not in this layout, or a state this layout cannot hold."""


class Statistic(Enum):
    """What the second statistic of a BatchNorm is; the value is its name on the command line."""

    VARIANCE = "variance"
    INVERSE_DEVIATION = "inv-std"
    SECOND_MOMENT = "second-moment"


class Age(NamedTuple):
    """How many TRAIN passes a running average covers: None if nothing shows it.

    `at_least` is set where the factor has stopped growing, so that only a lower bound
    is known. 0 passes means never trained.
    """

    passes: int | None
    at_least: bool = False


UNKNOWN_AGE = Age(None)


class _Numbers(NamedTuple):
    stored_mean: Array
    stored_spread: Array
    statistic: Statistic
    factor: float
    gamma: Array | None
    beta: Array | None
    eps: float
    age: Age = UNKNOWN_AGE


class BatchNormState(_Numbers):
    """One BatchNorm's numbers; all arrays are read-only, 1-D, one value per channel.

    `stored_mean` and `stored_spread` are float32 or float64 as in the source, both
    multiplied by `factor`; `statistic` says what the spread is. A factor of 1 means
    plain values, 0 sums that nothing was added to yet. `gamma` None means 1 and `beta`
    None means 0 for all channels, not stored. `eps` is the one the source really adds,
    as the 32-bit float it is there. Raises LayoutError for arrays that do not match.
    """

    __slots__ = ()

    def __new__(
        cls,
        stored_mean: Array,
        stored_spread: Array,
        statistic: Statistic,
        factor: float,
        gamma: Array | None,
        beta: Array | None,
        eps: float,
        age: Age = UNKNOWN_AGE,
    ) -> BatchNormState:
        """Check the arrays."""
        channels = len(stored_mean)
        return super().__new__(
            cls,
            _view("stored_mean", stored_mean, channels),
            _view("stored_spread", stored_spread, channels),
            statistic,
            factor,
            None if gamma is None else _view("gamma", gamma, channels),
            None if beta is None else _view("beta", beta, channels),
            single(eps),
            age,
        )

    def _replace(self, **values: Any) -> BatchNormState:
        """Return a state with other values, checked as this one is."""
        return BatchNormState(**(self._asdict() | values))

    # An array has no truth of its own.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def channels(self) -> int:
        """The number of channels, C."""
        return len(self.stored_mean)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64 if any array is, else float32."""
        arrays = (self.stored_mean, self.stored_spread, self.gamma, self.beta)
        return np.result_type(*(values for values in arrays if values is not None))

    @property
    def mean(self) -> Array:
        """The running mean, divided by the factor; the stored array itself if that is 1."""
        return _without_factor(self.stored_mean, self.factor)

    @property
    def variance(self) -> Array:
        """The variance to which `eps` is added, divided by the factor.

        The stored array itself where nothing has to be computed. Of an inverse
        deviation s it is 1/s**2 - eps, infinite for s = 0.
        """
        spread = _without_factor(self.stored_spread, self.factor)
        if self.statistic is Statistic.VARIANCE:
            return spread
        wide = _wide(spread)
        if self.statistic is Statistic.INVERSE_DEVIATION:
            with np.errstate(divide="ignore"):
                return _rounded(1 / wide**2 - self.eps, spread.dtype)
        variance = wide - _wide(self.mean) ** 2
        # The difference of two large numbers may come out below 0 where it is 0.
        return _rounded(np.where(variance + self.eps > 0, variance, 0.0), spread.dtype)

    @property
    def scale(self) -> Array:
        """gamma, or ones where the source has none."""
        return np.ones_like(self.stored_mean) if self.gamma is None else self.gamma

    @property
    def shift(self) -> Array:
        """beta, or zeros where the source has none."""
        return np.zeros_like(self.stored_mean) if self.beta is None else self.beta

    @property
    def identity_affine(self) -> bool:
        """Whether gamma is 1 and beta 0 in every channel, stored or not."""
        return bool(np.all(self.scale == 1) and np.all(self.shift == 0))


def divided(state: BatchNormState) -> BatchNormState:
    """Return the same state with a factor of 1 and no second moment; itself if that is so already.

    Raises LayoutError for a factor that cannot be divided by.
    """
    if state.statistic is Statistic.SECOND_MOMENT:
        spread = state.variance
    elif state.factor == 1:
        return state
    else:
        spread = _without_factor(state.stored_spread, state.factor)
    statistic = (
        Statistic.VARIANCE if state.statistic is Statistic.SECOND_MOMENT else state.statistic
    )
    return state._replace(
        stored_mean=state.mean, stored_spread=spread, statistic=statistic, factor=1.0
    )


def multiplied(state: BatchNormState, factor: float) -> BatchNormState:
    """Return the same state with its statistics multiplied by another factor, rounded once.

    The state itself if it is that one already. 1, 2, 4 ... are exact.
    """
    if state.factor == factor:
        return state
    plain = divided(state)
    return plain._replace(
        stored_mean=_rounded(_wide(plain.stored_mean) * factor, plain.stored_mean.dtype),
        stored_spread=_rounded(_wide(plain.stored_spread) * factor, plain.stored_spread.dtype),
        factor=factor,
    )


def with_eps(state: BatchNormState, eps: float) -> BatchNormState:
    """Return the same function of x, with a variance and another eps added to it.

    The state itself if it has a variance and this eps already. Where the variance would
    have to be negative it becomes 0 and gamma takes the difference; the other channels'
    gamma keeps its bits. Raises LayoutError where var + eps is not positive, or an
    inverse deviation is negative, because then the source has no output to keep.
    """
    wanted = single(eps)
    if state.statistic is Statistic.SECOND_MOMENT:
        state = divided(state)
    if state.statistic is Statistic.VARIANCE:
        if wanted == state.eps:
            return state
        total = _wide(state.variance) + state.eps
        shifted = _wide(state.variance) + (state.eps - wanted)
        if np.any(total <= 0):
            raise LayoutError(f"var + eps is not positive: {np.nanmin(total):g}")
    else:
        deviation = _wide(_without_factor(state.stored_spread, state.factor))
        if not np.all(deviation >= 0):
            raise LayoutError(f"an inverse deviation is negative or NaN: {deviation.min():g}")
        with np.errstate(divide="ignore", over="ignore"):
            total = 1 / deviation**2
        shifted = total - wanted
    # s = 0 means that nothing of x comes through: gamma 0 says the same.
    silent = np.isinf(total) & (state.statistic is Statistic.INVERSE_DEVIATION)
    low = (shifted < 0) | silent
    changed = divided(state)._replace(
        stored_spread=_rounded(np.where(low, 0.0, shifted), state.stored_spread.dtype),
        statistic=Statistic.VARIANCE,
        eps=wanted,
    )
    if not low.any():
        return changed
    if wanted <= 0:
        raise LayoutError(f"eps {wanted:g} leaves a variance of 0 with nothing to divide by")
    gain = np.where(silent, 0.0, np.sqrt(wanted / total))
    gamma = _rounded(_wide(state.scale) * gain, state.scale.dtype)
    return changed._replace(gamma=np.where(low, gamma, state.scale))


def inverted(state: BatchNormState) -> BatchNormState:
    """Return the same state with an inverse deviation, 1/sqrt(var + eps), in place of a variance.

    The state itself if it has one already. Raises LayoutError where var + eps <= 0.
    """
    if state.statistic is Statistic.INVERSE_DEVIATION:
        return state
    plain = divided(state)
    total = _wide(plain.variance) + plain.eps
    if np.any(total <= 0):
        raise LayoutError(f"var + eps is not positive: {np.nanmin(total):g}")
    return plain._replace(
        stored_spread=_rounded(1 / np.sqrt(total), plain.stored_spread.dtype),
        statistic=Statistic.INVERSE_DEVIATION,
    )


def with_affine(state: BatchNormState, gamma: Array, beta: Array | None = None) -> BatchNormState:
    """Return the state followed by a Scale layer with these blobs (beta None: no bias).

    Bit-exact where the state has no affine part of its own, or one that does nothing;
    else float64, rounded once. Raises LayoutError for a Scale layer of other channels.
    """
    gamma = gamma.reshape(-1)
    if gamma.size != state.channels:
        raise LayoutError(f"gamma has {gamma.size} channels, not {state.channels}")
    beta = None if beta is None else beta.reshape(-1)
    if beta is not None and beta.size != state.channels:
        raise LayoutError(f"beta has {beta.size} channels, not {state.channels}")
    if state.identity_affine:
        return state._replace(gamma=gamma, beta=beta)
    wide = _wide(gamma)
    shift = _wide(state.shift) * wide
    if beta is not None:
        shift = shift + beta
    return state._replace(
        gamma=_rounded(_wide(state.scale) * wide, gamma.dtype),
        beta=_rounded(shift, gamma.dtype),
    )


def age_of(factor: float, fraction: float) -> Age:
    """Return what a factor of summed statistics shows about their age.

    F = (1 - f**n) / (1 - f) after n TRAIN passes with moving_average_fraction f
    (src/caffe/layers/batch_norm_layer.cpp @ 1.0: F <- f F + 1 in each). In float32 it
    stops at a fixed point, 999.98236 for f = .999. Converters write a
    factor of 1 too, and something else changed a factor below 1: neither shows an age.
    """
    if factor == 0:
        return Age(0)
    if not 1 < factor < math.inf or not 0 < fraction <= 1:
        return Age(None)
    if fraction == 1:
        return Age(round(factor))
    rest = 1 - factor * (1 - fraction)
    grown = np.float32(fraction) * np.float32(factor) + np.float32(1)
    settled = bool(grown <= np.float32(factor))
    if rest <= 0:
        # More than the limit of the sum: another fraction was used.
        return Age(None)
    return Age(round(math.log(rest) / math.log(fraction)), settled)


def _without_factor(stored: Array, factor: float) -> Array:
    """Return the statistics divided by the factor, as the frameworks do it.

    scale = F == 0 ? 0 : 1 / F, then stored * scale, all in the blob's own type
    (Forward_cpu in src/caffe/layers/batch_norm_layer.cpp @ 1.0; CopyTrainedLayersFrom
    in src/caffe/net.cpp @ v0.17.1).
    """
    if factor == 1:
        return stored
    if factor == 0:
        return np.zeros_like(stored)
    kind = stored.dtype.type
    with np.errstate(over="ignore", divide="ignore"):
        scale = kind(1) / kind(factor)
    if not np.isfinite(scale) or scale == 0:
        raise LayoutError(f"a factor of {factor:g} cannot be divided by")
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        plain: Array = stored * scale
    return plain


def _wide(values: Array) -> Array:
    """Values for arithmetic."""
    return values.astype(np.float64)


def _view(name: str, values: Array, channels: int) -> Array:
    """Return a read-only view of an array; raises LayoutError for one that does not match."""
    if values.ndim != 1 or values.dtype not in (np.float32, np.float64):
        raise LayoutError(f"{name} is {values.dtype} of shape {values.shape}")
    if len(values) != channels:
        raise LayoutError(f"{name} has {len(values)} channels, not {channels}")
    view: Array = values.view()
    view.flags.writeable = False
    return view


def _rounded(values: Array, dtype: np.dtype[Any]) -> Array:
    """float64 results in the type of the blobs."""
    with np.errstate(over="ignore", under="ignore"):
        return values.astype(dtype)
