"""What is wrong with the numbers of snapshots, as diagnostics.

The rules that need nothing but numbers, of a file of any kind, and WT012 of two snapshots. What
else can be wrong with a caffemodel needs its net: `protolint check` reports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from protolint.diagnostic import Diagnostic
from protolint.lint.check_weights import check_numbers
from protolint.lint.registry import find_rule
from protolint.lint.rule import Finding
from protolint.lint.select import Selection
from protolint.source import Span
from protolint.stats.model import Drift, Snapshot
from protolint.words import listed, plural
from protolint.workspace.thresholds import Thresholds

__all__ = ["drift_findings", "layer_findings"]

#: How many channels a message names.
_NAMED = 3


def layer_findings(snapshots: Iterable[Snapshot], selection: Selection) -> Iterator[Diagnostic]:
    """Yield what is wrong with single layers, file by file; one cause gives one finding."""
    for snapshot in snapshots:
        for numbers in snapshot.layers:
            lost = [] if numbers.problem else np.flatnonzero(~numbers.finite).tolist()
            if lost:
                message = (
                    f"{numbers.name}: NaN or infinite values in {_channels(lost)}; take an earlier"
                    " snapshot"
                )
                yield from _reported("WT001", message, snapshot, numbers.name, selection)
        yield from check_numbers(snapshot.path, snapshot.layers, selection)


def drift_findings(
    snapshots: Sequence[Snapshot], drifts: Iterable[Drift], selection: Selection
) -> Iterator[Diagnostic]:
    """WT012 for each drift beyond a threshold; the file is the later snapshot's."""
    thresholds = Thresholds.of(selection.settings.thresholds)
    for drift in drifts:
        if drift.moved:
            a, b = snapshots[drift.before], snapshots[drift.after]
            message = (
                f"{drift.layer}: variance moved by {_movement(drift, thresholds)}"
                f" between {a.label} and {b.label}; compare TRAIN with TEST output at both"
            )
            yield from _reported("WT012", message, b, drift.layer, selection)


def _movement(drift: Drift, thresholds: Thresholds) -> str:
    """By how much a layer moved, for the threshold that it passed."""
    if drift.near_zero_gained:
        where = _channels(drift.near_zero_gained)
        low = f"under {thresholds.near_zero_variance:g} in {where}"
        return f"{drift.median_ratio:.3g} times in the median channel, to {low}"
    if drift.median_ratio > thresholds.drift_median:
        return f"{drift.median_ratio:.3g} times in the median channel"
    return f"more than {thresholds.drift_channel:g} times in {drift.far:.1%} of the channels"


def _reported(
    code: str, message: str, snapshot: Snapshot, layer: str, selection: Selection
) -> Iterator[Diagnostic]:
    """Yield the finding of a rule, unless it is not selected."""
    if selection.selector(snapshot.path)(code):
        rule = find_rule(code)
        yield selection.diagnostic(rule, Finding(Span(0, 0), message, layer), snapshot.path, None)


def _channels(found: Sequence[int]) -> str:
    """Return the numbers of a few channels, counted from 0."""
    return f"{plural(len(found), 'channel')} {listed([*map(str, found)], _NAMED)}"
