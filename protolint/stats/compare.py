"""Snapshots side by side: how far statistics moved, which moved first, which are outliers.

All of it is about the true statistics, and a variance below near_zero_variance counts as
that: whatever it is there, eps decides, and its ratio to another such would mean nothing.

A snapshot is an outlier where its two neighbours are close to each other and far from it, in
some layer: the distance of two snapshots is that of the layer's median channel, the ratio of
the variances or 1 plus the means' difference in standard deviations, whichever is more. Far
is twice or more, close at most the square root of far. What moves steadily, or wanders, is
never one: there the neighbours are further from each other. The first and the last snapshot
have one neighbour, so neither is ever one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array
from protolint.record import NamedTuple
from protolint.stats.model import Drift, Outlier, Snapshot
from protolint.words import and_more
from protolint.workspace.thresholds import Thresholds

__all__ = ["Comparison", "compare_snapshots", "untrained"]

_DEFAULTS = Thresholds()
_NAN = float("nan")
#: What an outlier's nearer neighbour is away, at least, as a ratio.
_FAR = 2.0


class Comparison(NamedTuple):
    """How snapshots differ; see StatsReport for the fields."""

    drifts: tuple[Drift, ...] = ()
    first_moved: Drift | None = None
    outlier: Outlier | None = None
    notes: tuple[str, ...] = ()


def compare_snapshots(
    snapshots: Sequence[Snapshot], thresholds: Thresholds = _DEFAULTS
) -> Comparison:
    """Compare each snapshot with the next, layer by layer, by name.

    A layer that one of the two lacks, that has other channels there, or of which there are no
    numbers, is left out, which `notes` reports.
    """
    drifts: list[Drift] = []
    notes: list[str] = []
    for i, (before, after) in enumerate(pairwise(snapshots)):
        pairs, left_out = _common(before, after)
        notes += left_out
        drifts += [_drift(a, b, i, thresholds) for a, b in pairs]
    first = next((drift for drift in drifts if drift.moved), None)
    return Comparison(tuple(drifts), first, _outlier(snapshots, thresholds), tuple(notes))


def untrained(numbers: Numbers, thresholds: Thresholds) -> bool:
    """Whether the statistics of a layer are all 0 or cover too few passes (WT011)."""
    if numbers.age.passes is not None and numbers.age.passes < thresholds.few_batches:
        return not numbers.age.at_least
    return not (numbers.mean.any() or numbers.variance.any())


def _common(
    before: Snapshot, after: Snapshot
) -> tuple[list[tuple[Numbers, Numbers]], Iterator[str]]:
    """Return the layers of both that can be compared, in the later one's order, and notes."""
    both = [(before.by_name[b.name], b) for b in after.layers if b.name in before.by_name]
    return [(a, b) for a, b in both if not _unlike(a, b)], _left_out(before, after, both)


def _unlike(a: Numbers, b: Numbers) -> str:
    """Return why two layers of one name are not compared; "" if they are."""
    if a.problem or b.problem:
        return "has no numbers"
    if a.channels != b.channels:
        return f"has {a.channels} channels, then {b.channels}"
    return ""


def _left_out(
    before: Snapshot, after: Snapshot, both: Sequence[tuple[Numbers, Numbers]]
) -> Iterator[str]:
    place = f"{before.label} and {after.label}"
    if not both:
        if before.layers and after.layers:
            yield f"{place} have no BatchNorm of one name: not compared"
        return
    for here, other in ((before, after), (after, before)):
        missing = [numbers.name for numbers in here.layers if numbers.name not in other.by_name]
        if missing:
            first = f"layer '{missing[0]}'{and_more(len(missing) - 1)}"
            yield f"{first} only in {here.label}, not in {other.label}: not compared"
    for a, b in both:
        reason = _unlike(a, b)
        if reason:
            yield f"layer '{b.name}' {reason} ({place}): not compared"


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _drift(a: Numbers, b: Numbers, before: int, thresholds: Thresholds) -> Drift:
    """How a layer moved; NaN throughout where no channel is finite in both."""
    kept = np.flatnonzero(_finite(a) & _finite(b))
    left_out = a.channels - len(kept)
    if not len(kept):
        return Drift(
            b.name, before, before + 1, _NAN, _NAN, 0, _NAN, _NAN, 0, 0.0, (), (), (), False,
            left_out,
        )  # fmt: skip
    floor = thresholds.near_zero_variance
    first, second = a.variance[kept], b.variance[kept]
    ratio = np.maximum(second, floor) / np.maximum(first, floor)
    size = np.abs(np.log(ratio))
    gap = np.abs(b.mean[kept] - a.mean[kept])
    shift = np.where(gap == 0, 0.0, gap / np.sqrt(np.maximum(first, 0) + a.eps))
    worst, furthest = int(size.argmax()), int(shift.argmax())
    median = float(np.exp(np.median(size)))
    far = float((size > math.log(thresholds.drift_channel)).mean())
    near_zero = kept[(second < floor) & (first >= floor)]
    beyond = median > thresholds.drift_median or far > thresholds.drift_share or near_zero.size > 0
    return Drift(
        layer=b.name,
        before=before,
        after=before + 1,
        median_ratio=median,
        worst_ratio=float(ratio[worst]),
        worst_channel=int(kept[worst]),
        mean_shift=float(np.median(shift)),
        worst_mean_shift=float(shift[furthest]),
        worst_mean_channel=int(kept[furthest]),
        far=far,
        dead_gained=_channels(b.dead & ~a.dead),
        dead_lost=_channels(a.dead & ~b.dead),
        near_zero_gained=tuple(int(channel) for channel in near_zero),
        moved=beyond and not untrained(a, thresholds),
        left_out=left_out,
    )


def _finite(numbers: Numbers) -> Array:
    """Which channels have finite statistics."""
    found: Array = np.isfinite(numbers.mean) & np.isfinite(numbers.variance)
    return found


def _channels(chosen: Array) -> tuple[int, ...]:
    return tuple(int(channel) for channel in np.flatnonzero(chosen))


def _outlier(snapshots: Sequence[Snapshot], thresholds: Thresholds) -> Outlier | None:
    """Return the snapshot that stands out most, if one does."""
    found: list[tuple[float, Outlier]] = []
    for i in range(1, len(snapshots) - 1):
        left, here, right = (snapshots[at].by_name for at in (i - 1, i, i + 1))
        for name, numbers in here.items():
            a, b = left.get(name), right.get(name)
            if a is None or b is None or untrained(a, thresholds):
                continue
            near = min(_distance(a, numbers, thresholds), _distance(numbers, b, thresholds))
            between = _distance(a, b, thresholds)
            # As logarithms: NaN, where there is nothing to compare, is neither.
            if near >= math.log(_FAR) and between <= near / 2:
                outlier = Outlier(i, math.exp(near), math.exp(between), name)
                found.append((near - between, outlier))
    return max(found, key=lambda entry: entry[0])[1] if found else None


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _distance(a: Numbers, b: Numbers, thresholds: Thresholds) -> float:
    """How far two states of a layer are apart, as a logarithm; NaN if unknown."""
    if _unlike(a, b):
        return _NAN
    kept = _finite(a) & _finite(b)
    if not kept.any():
        return _NAN
    first = np.maximum(a.variance[kept], thresholds.near_zero_variance)
    second = np.maximum(b.variance[kept], thresholds.near_zero_variance)
    gap = np.abs(b.mean[kept] - a.mean[kept])
    shift = gap / np.sqrt((first + second) / 2 + a.eps)
    return float(np.median(np.maximum(np.abs(np.log(second / first)), np.log1p(shift))))
