"""What the numbers of one BatchNorm say: spread, gain, dead channels, age.

For a BatchNorm of any origin: a Caffe layout after its factor is undone, or another
framework's four tensors. The Scale layer that follows counts as the layer's own gamma and
beta, as it does for the output.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from protolint.batchnorm.norms import Norm
from protolint.batchnorm.state import UNKNOWN_AGE, Age, Array, LayoutError

__all__ = ["SMALLEST_NORMAL", "Numbers", "numbers_of"]

#: The smallest positive float32 that is not denormal, 2**-126.
SMALLEST_NORMAL = 1.1754943508222875e-38


@dataclass(frozen=True, eq=False)
class Numbers:
    """One BatchNorm's true statistics; float64 arrays of shape (C).

    `layout` names the form they were stored in. `gamma` is 1 and `beta` 0 where the source
    has none (`affine` False). `problem` says why there are no numbers; all arrays are empty
    then. `age` is how many TRAIN passes the average covers, as far as anything tells. `alone`
    tells that a Scale layer with another gamma and beta may follow, of which nothing is known.
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
    alone: bool = False

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
    """The numbers of a BatchNorm of a weight file, in use as its own Caffe uses them."""
    name = norm.name or "(no name)"
    layout = norm.layout.name if norm.layout is not None else ""
    state = norm.folded
    if state is None:
        empty = np.zeros(0)
        return Numbers(name, layout, empty, empty, empty, empty, 0.0, problem=norm.problem)
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            mean, variance = state.mean.astype(np.float64), state.variance.astype(np.float64)
    except LayoutError as error:
        empty = np.zeros(0)
        return Numbers(name, layout, empty, empty, empty, empty, 0.0, problem=str(error))
    with np.errstate(invalid="ignore", over="ignore"):
        return Numbers(
            name=name,
            layout=layout,
            mean=mean,
            variance=variance,
            gamma=state.scale.astype(np.float64),
            beta=state.shift.astype(np.float64),
            eps=state.eps,
            affine=state.gamma is not None,
            age=state.age,
            alone=norm.alone and state.gamma is None,
        )
