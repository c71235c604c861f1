"""The order of rows, and how numbers are written for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Age
from protolint.stats.model import Drift
from protolint.stats.summary import Spread, Summary, summary_of
from protolint.stats.tensors import natural
from protolint.workspace.thresholds import Thresholds

__all__ = ["SORTS", "age_text", "figure", "sorted_drifts", "sorted_layers", "spreads"]


def _last(value: float) -> float:
    """Return a value that may be NaN, which comes last."""
    return math.inf if math.isnan(value) else value


#: What rows can be sorted by, the most useful first; "net" is the order of the file.
SORTS: dict[str, Callable[[Summary], float] | None] = {
    "net": None,
    "name": None,
    "variance": lambda summary: _last(summary.variance.low),
    "gain": lambda summary: _last(-summary.gain_size.high),
    "eps": lambda summary: _last(-summary.eps_share),
    "dead": lambda summary: -summary.dead,
    "drift": None,
}


def sorted_layers(
    layers: Sequence[Numbers], sort: str, thresholds: Thresholds
) -> list[tuple[Numbers, Summary]]:
    """Return the layers with their figures in the order of `sort`, a key of SORTS."""
    rows = [(numbers, summary_of(numbers, thresholds)) for numbers in layers]
    key = SORTS[sort]
    if key is not None:
        return sorted(rows, key=lambda row: (bool(row[0].problem), key(row[1])))
    return sorted(rows, key=lambda row: natural(row[0].name)) if sort == "name" else rows


def sorted_drifts(drifts: Sequence[Drift], sort: str) -> list[Drift]:
    """Return the drifts, those that moved furthest first for "drift"."""
    if sort == "drift":
        return sorted(drifts, key=lambda drift: _last(-drift.median_ratio))
    if sort == "name":
        return sorted(drifts, key=lambda drift: (natural(drift.layer), drift.before))
    return list(drifts)


def figure(value: float) -> str:
    """Three digits of a number; "-" for NaN."""
    return "-" if math.isnan(value) else f"{value:.3g}"


def spreads(values: Sequence[Spread | None]) -> list[str]:
    """Least, median and largest, in columns that stand under each other; "" for None."""
    cells = [None if value is None else [figure(part) for part in value] for value in values]
    widths = [max((len(cell[i]) for cell in cells if cell), default=0) for i in range(3)]
    return [
        ""
        if cell is None
        else "  ".join(part.rjust(size) for part, size in zip(cell, widths, strict=True))
        for cell in cells
    ]


def age_text(age: Age) -> str:
    """How many TRAIN passes an average covers, in a word; "" if unknown."""
    if age.passes is None:
        return ""
    return f">= {age.passes}" if age.at_least else str(age.passes)
