"""Log axes, and numbers sorted into bins on them: what all pictures are drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from protolint.batchnorm.state import Array
from protolint.record import NamedTuple

__all__ = ["Histogram", "LogAxis", "binned", "digits", "log_axis", "number", "positive_range"]

#: Decades under the reference that an axis shows at most; what is smaller stands beside it.
_DEPTH = 5
#: Decades that a 64-bit number can hold.
_LEAST, _MOST = -307, 308
_STEPS = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)


class LogAxis(NamedTuple):
    """Decades `low` to `high` of a log axis; values under 10**low stand beside it."""

    low: int
    high: int

    def place(self, value: float) -> float | None:
        """Where a value stands, 0 to 1; None for one that is not on the axis."""
        if not 0 < value < math.inf:
            return None
        at = (math.log10(value) - self.low) / (self.high - self.low)
        return min(at, 1.0) if at >= 0 else None

    def ticks(self, most: int = 6) -> list[int]:
        """Return the decades to label: at most so many, evenly apart."""
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if self.decades / s <= most - 1)
        return [d for d in range(self.low, self.high + 1) if d % step == 0]

    @property
    def decades(self) -> int:
        """How many decades are shown."""
        return self.high - self.low


class Histogram(NamedTuple):
    """How many values lie in each bin of a log axis, and how many have no place on it.

    Bin i holds 10**(axis.low + i * step) up to 10**(axis.low + (i + 1) * step), the last one all
    that is larger, too; `below` counts the positive values under the axis.
    """

    axis: LogAxis
    step: float
    counts: tuple[int, ...]
    negative: int = 0
    zero: int = 0
    below: int = 0
    not_finite: int = 0

    @property
    def total(self) -> int:
        """The number of all values."""
        return sum(self.counts) + sum(self[3:])


def log_axis(values: Iterable[Array], reference: float | None = None) -> LogAxis:
    """Return the axis that shows the finite positive values of some arrays, two decades at least.

    It goes up to `reference` (eps) at least, if that is positive, and no more than five decades
    under it.
    """
    lows, highs = [], []
    for array in values:
        found = positive_range(array)
        if found is not None:
            lows.append(found[0])
            highs.append(found[1])
    if not lows:
        lows = highs = [reference if reference else 1.0]
    low = max(math.floor(math.log10(min(lows))), _LEAST)
    high = min(math.floor(math.log10(max(highs))) + 1, _MOST)
    if reference:
        # eps 1e-5 is 9.99999975e-06 as a 32-bit number.
        decade = math.floor(math.log10(reference) + 1e-6)
        low, high = max(low, decade - _DEPTH), max(high, decade + 1)
    while high - low < 2:
        low, high = (low - 1, high) if (high - low) % 2 else (low, high + 1)
    return LogAxis(low, high)


def positive_range(values: Array) -> tuple[float, float] | None:
    """Return the smallest and the largest finite positive value, if there is one."""
    kept = values[(values > 0) & np.isfinite(values)]
    return (float(kept.min()), float(kept.max())) if kept.size else None


def binned(values: Array, axis: LogAxis, most: int = 32) -> Histogram:
    """Return the values sorted into at most `most` bins of an eighth of a decade or more."""
    step = next((s for s in _STEPS if axis.decades / s <= most), float(axis.decades))
    bins = math.ceil(axis.decades / step)
    finite = values[np.isfinite(values)]
    logs = np.log10(finite[finite > 0])
    at = np.floor((logs - axis.low) / step).astype(np.int64)
    counts = np.bincount(np.minimum(at[at >= 0], bins - 1), minlength=bins)
    return Histogram(
        axis,
        step,
        tuple(int(count) for count in counts),
        negative=int((finite < 0).sum()),
        zero=int((finite == 0).sum()),
        below=int((at < 0).sum()),
        not_finite=int(values.size - finite.size),
    )


def number(value: float) -> str:
    """Return a number for people, three digits at most: `0.5`, `1,580`, `1e-5`."""
    return _written(value, f"{value:.3g}")


def digits(value: float) -> str:
    """Return a number for a column: always three digits, `0.500`."""
    return _written(value, f"{value:#.3g}".rstrip("."))


def _written(value: float, text: str) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0"
    mantissa, letter, exponent = text.partition("e")
    if letter and 3 <= int(exponent) < 6:
        return f"{value:,.0f}"
    return f"{mantissa}e{int(exponent)}" if letter else text
