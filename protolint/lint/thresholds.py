"""From where on a number in a weight file is worth a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["THRESHOLDS", "Thresholds"]


class Thresholds(NamedTuple):
    """The thresholds of the rules on weights.

    A variance under `near_zero_variance` is set by eps alone (WT007). A gain is too large over
    `exploding_gain` and over `exploding_gain_ratio` times the layer's median (WT008).
    Statistics of fewer than `few_batches` batches are young (WT011). Gamma may be 0 in
    `zero_gamma_share` of the channels, of 1 (WT006).
    """

    near_zero_variance: float = 1e-10
    exploding_gain: float = 100.0
    exploding_gain_ratio: float = 50.0
    few_batches: float = 10.0
    zero_gamma_share: float = 0.5

    @classmethod
    def of(cls, given: Mapping[str, float]) -> Thresholds:
        """The thresholds of a configuration, by their keys; the rest have their defaults."""
        return cls()._replace(**{key.replace("-", "_"): value for key, value in given.items()})

    def by_key(self) -> dict[str, float]:
        """Every threshold by its key in a configuration."""
        return {name.replace("_", "-"): value for name, value in self._asdict().items()}


#: Each key of the table `thresholds`, with its default.
THRESHOLDS = Thresholds().by_key()
