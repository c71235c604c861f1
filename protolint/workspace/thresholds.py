"""From where on a number in a weight file is worth a word."""

from __future__ import annotations

from collections.abc import Mapping

from protolint.record import NamedTuple

__all__ = ["THRESHOLDS", "Thresholds", "wanted_instead"]


class Thresholds(NamedTuple):
    """The thresholds of the rules on weights and on snapshots.

    A variance under `near_zero_variance` is set by eps alone (WT007). A gain is too large over
    `exploding_gain` and over `exploding_gain_ratio` times the layer's median (WT008).
    Statistics of fewer than `few_batches` batches are young (WT011). Gamma may be 0 in
    `zero_gamma_share` of the channels, of 1 (WT006).

    Two snapshots drift (WT012) where the median channel's variance moved by more than the ratio
    `drift_median`, or more than `drift_share` of the channels, of 1, by more than `drift_channel`.
    """

    near_zero_variance: float = 1e-10
    exploding_gain: float = 100.0
    exploding_gain_ratio: float = 50.0
    few_batches: float = 10.0
    zero_gamma_share: float = 0.5
    drift_median: float = 4.0
    drift_channel: float = 100.0
    drift_share: float = 0.05

    @classmethod
    def of(cls, given: Mapping[str, float]) -> Thresholds:
        """Return the thresholds of a configuration, by their keys; the rest have their defaults."""
        return cls()._replace(**{key.replace("-", "_"): value for key, value in given.items()})

    def by_key(self) -> dict[str, float]:
        """Every threshold by its key in a configuration."""
        return {name.replace("_", "-"): value for name, value in self._asdict().items()}


#: Each key of the table `thresholds`, with its default.
THRESHOLDS = Thresholds().by_key()


def wanted_instead(name: str, number: object) -> str | None:
    """Return what kind of number a threshold takes, where it does not take this one."""
    least, most = 0.0, float("inf")
    what = "of 0 or more"
    if name.endswith("-share"):
        most, what = 1.0, "from 0 to 1"
    elif name in ("drift-median", "drift-channel"):
        least, what = 1.0, "of 1 or more"
    right = isinstance(number, (int, float)) and not isinstance(number, bool)
    right = right and least <= float(str(number)) <= most and number != float("inf")
    return None if right else what
