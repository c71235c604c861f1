"""What the numbers of one BatchNorm say: spread, gain, dead channels, age.

For a BatchNorm of any origin: a Caffe layout after its factor is undone, or another
framework's four tensors. The Scale layer that follows counts as the layer's own gamma and
beta, as it does for the output.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from protolint.batchnorm.reading import Norm
from protolint.batchnorm.state import UNKNOWN_AGE, Age, Array, LayoutError

__all__ = ["SMALLEST_NORMAL", "Numbers", "numbers_of"]

#: The smallest positive float32 that is not denormal, 2**-126.
SMALLEST_NORMAL = 1.1754943508222875e-38


@dataclass(frozen=True, eq=False)
class Numbers:
    """One BatchNorm's true statistics; float64 arrays of shape (C).

    `layout` names the form they were stored in. `gamma` is 1 and `beta` 0 where the source
    has none (`affine` False). `problem` says why there are no numbers; all arrays are empty
    then. `age` is how many TRAIN passes the average covers, as far as anything shows.
    `scale_unknown` is whether a Scale layer with another gamma and beta may follow.
    """

    name: str
    layout: str
    mean: Array
    variance: Array
    gamma: Array
    beta: Array
    eps: float
    affine: bool = True
    age: Age = UNKNOWN_AGE
    problem: str = ""
    scale_unknown: bool = False

    @property
    def channels(self) -> int:
        """The number of channels, C."""
        return len(self.variance)

    @cached_property
    def gain(self) -> Array:
        """Gamma / sqrt(variance + eps), what a channel is multiplied by; NaN where it is."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.gamma / np.sqrt(self.variance + self.eps)

    @cached_property
    def eps_share(self) -> Array:
        """Eps / (variance + eps): how much of what is divided by eps decides, 0 to 1."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.eps / (self.variance + self.eps)

    @cached_property
    def median_gain(self) -> float:
        """The median magnitude of the gain over the channels that have one; 0 without any."""
        known = np.abs(self.gain[np.isfinite(self.gain)])
        return float(np.median(known)) if len(known) else 0.0

    @cached_property
    def finite(self) -> Array:
        """Which channels have finite numbers throughout."""
        together = np.stack([self.mean, self.variance, self.gamma, self.beta])
        found: Array = np.isfinite(together).all(axis=0)
        return found

    @cached_property
    def denormal(self) -> Array:
        """Which channels have a variance that is too small for a normal float32, but not 0."""
        found: Array = (self.variance > 0) & (self.variance < SMALLEST_NORMAL)
        return found

    @cached_property
    def dead(self) -> Array:
        """Which channels have a variance under eps: their input does not vary."""
        found: Array = (self.variance >= 0) & (self.variance < self.eps)
        return found


def numbers_of(norm: Norm) -> Numbers:
    """Return the numbers of a BatchNorm of a weight file, as its own Caffe uses them."""
    name = norm.name or "(no name)"
    try:
        state = norm.folded
        with np.errstate(invalid="ignore", over="ignore"):
            mean, variance = state.mean.astype(np.float64), state.variance.astype(np.float64)
    except LayoutError as error:
        none = np.zeros(0)
        return Numbers(name, norm.layout_name, none, none, none, none, 0.0, problem=str(error))
    with np.errstate(invalid="ignore", over="ignore"):
        return Numbers(
            name=name,
            layout=norm.layout_name,
            mean=mean,
            variance=variance,
            gamma=state.scale.astype(np.float64),
            beta=state.shift.astype(np.float64),
            eps=state.eps,
            affine=state.gamma is not None,
            age=state.age,
            scale_unknown=norm.scale_unknown and state.gamma is None,
        )
