"""What is wrong with the numbers of snapshots, as diagnostics.

WT001, WT002, WT007 and WT011 of a single layer, of a file of any kind, and WT012 of two
snapshots. What else can be wrong with a caffemodel needs its net: `protolint check` tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.diagnostic import Diagnostic, Severity
from protolint.source import Span
from protolint.stats.compare import untrained
from protolint.stats.model import Drift, Snapshot, Thresholds
from protolint.stats.summary import summary_of

__all__ = ["drift_findings", "layer_findings"]

_NAMES = {
    "WT001": "non-finite-values",
    "WT002": "negative-variance",
    "WT007": "near-zero-variance",
    "WT011": "untrained-statistics",
    "WT012": "snapshot-drift",
}
_NOWHERE = Span(0, 0)
#: How many channels a message names.
_NAMED = 3


def layer_findings(snapshots: Iterable[Snapshot], thresholds: Thresholds) -> Iterator[Diagnostic]:
    """What is wrong with single layers, file by file; one cause gives one finding."""
    for snapshot in snapshots:
        for numbers in snapshot.layers:
            if not numbers.problem:
                yield from _of_layer(snapshot, numbers, thresholds)


def drift_findings(
    snapshots: Sequence[Snapshot], drifts: Iterable[Drift], thresholds: Thresholds
) -> Iterator[Diagnostic]:
    """WT012 for each drift beyond a threshold; the file is the later snapshot's."""
    for drift in drifts:
        if drift.moved:
            a, b = snapshots[drift.before], snapshots[drift.after]
            message = (
                f"{drift.layer}: variance moved by {_movement(drift, thresholds)}"
                f" between {a.label} and {b.label}; compare TRAIN with TEST output at both"
            )
            yield _diagnostic("WT012", Severity.WARNING, message, b, drift.layer)


def _movement(drift: Drift, thresholds: Thresholds) -> str:
    """By how much a layer moved, for the threshold that it passed."""
    if drift.near_zero_gained:
        where = _channels(drift.near_zero_gained)
        low = f"under {thresholds.near_zero:g} in {where}"
        return f"{drift.median_ratio:.3g} times in the median channel, to {low}"
    if drift.median_ratio > thresholds.median:
        return f"{drift.median_ratio:.3g} times in the median channel"
    return f"more than {thresholds.channel:g} times in {drift.far:.1%} of the channels"


def _of_layer(snapshot: Snapshot, numbers: Numbers, thresholds: Thresholds) -> Iterator[Diagnostic]:
    summary = summary_of(numbers, thresholds)
    layer = numbers.name
    if summary.non_finite:
        where = _channels(np.flatnonzero(~numbers.finite))
        message = f"{layer}: NaN or infinite values in {where}; take an earlier snapshot"
        yield _diagnostic("WT001", Severity.ERROR, message, snapshot, layer)
    if summary.negative:
        lowest = summary.variance.low
        broken = lowest + numbers.eps <= 0
        message = (
            f"{layer}: {_count(summary.negative, 'negative variance')} (lowest {lowest:.6g}, eps"
            f" {numbers.eps:.6g}) in {_channels(np.flatnonzero(numbers.variance < 0))}; "
            + ("the output is NaN there" if broken else "only the eps keeps the output finite")
        )
        severity = Severity.ERROR if broken else Severity.WARNING
        yield _diagnostic("WT002", severity, message, snapshot, layer)
    if not (numbers.mean.any() or numbers.variance.any()):
        message = f"{layer}: statistics are all zero; train the net, or take other weights"
        yield _diagnostic("WT011", Severity.ERROR, message, snapshot, layer)
        return
    if untrained(numbers):
        batches = _count(numbers.age.passes or 0, "batch", "es")
        message = f"{layer}: statistics cover about {batches}; train on before they are used"
        yield _diagnostic("WT011", Severity.WARNING, message, snapshot, layer)
    if summary.near_zero:
        small = (numbers.variance >= 0) & (numbers.variance < thresholds.near_zero)
        lowest, gain = numbers.variance[small].min(), np.abs(numbers.gain[small]).max()
        message = (
            f"{layer}: variance below {thresholds.near_zero:g} in"
            f" {_count(summary.near_zero, 'channel')} ({summary.denormal} denormal,"
            f" {summary.zero} zero, lowest {lowest:.3g}): {_channels(np.flatnonzero(small))};"
            f" gain there is set by eps alone, up to {gain:.3g}"
        )
        yield _diagnostic("WT007", Severity.WARNING, message, snapshot, layer)


def _diagnostic(
    code: str, severity: Severity, message: str, snapshot: Snapshot, layer: str
) -> Diagnostic:
    return Diagnostic(code, _NAMES[code], severity, message, snapshot.path, _NOWHERE, layer)


def _count(number: int, noun: str, ending: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else ending}"


def _channels(numbers: Iterable[int]) -> str:
    """The numbers of a few channels, counted from 0."""
    found = [int(number) for number in numbers]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    named = ", ".join(map(str, found[:_NAMED]))
    return f"channel{'' if len(found) == 1 else 's'} {named}{more}"
