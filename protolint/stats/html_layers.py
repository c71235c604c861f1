"""A report turned round: not file by file, but layer by layer, as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array
from protolint.diagnostic import Diagnostic, Severity
from protolint.stats.figures_axis import LogAxis, log_axis
from protolint.stats.model import Drift, Measured, StatsReport
from protolint.stats.summary import Summary, summary_of
from protolint.workspace.thresholds import Thresholds

__all__ = ["RANK", "Layer", "gains", "layers_of", "variance_axis"]

#: Severities from the worst on.
RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_EMPTY = np.zeros(0)


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer over all snapshots.

    `number` counts from 1 in the order of the net; `now` are its numbers in the last snapshot
    that has it; `history` has one entry for each snapshot, None where the layer is not there.
    `findings` are sorted, the worst first.
    """

    number: int
    now: Numbers
    history: tuple[Numbers | None, ...]
    thresholds: Thresholds
    findings: tuple[Diagnostic, ...] = ()
    drifts: tuple[Drift, ...] = ()
    measured: Measured | None = None

    @property
    def name(self) -> str:
        """The layer's name, as it is in the file: not yet fit for a page."""
        return self.now.name

    @property
    def anchor(self) -> str:
        """The name of its place on the page."""
        return f"layer-{self.number}"

    @cached_property
    def summary(self) -> Summary:
        """What the last snapshot's numbers come to."""
        return summary_of(self.now, self.thresholds)

    @property
    def readable(self) -> bool:
        """Whether there are numbers."""
        return not self.now.problem and self.now.channels > 0

    @property
    def then(self) -> Numbers | None:
        """The numbers of the first snapshot that has some, if that is not the last."""
        kept = [one for one in self.history if one is not None and not one.problem]
        return kept[0] if len(kept) > 1 and kept[0] is not self.now else None


def layers_of(report: StatsReport) -> tuple[Layer, ...]:
    """Return the layers of the last snapshot, then those that only earlier ones have."""
    found: list[tuple[int, Numbers]] = []
    seen: set[str] = set()
    for place, snapshot in reversed(list(enumerate(report.snapshots))):
        found += [(place, numbers) for numbers in snapshot.layers if numbers.name not in seen]
        seen.update(numbers.name for numbers in snapshot.layers)
    findings: dict[str, list[Diagnostic]] = {}
    for finding in report.findings:
        findings.setdefault(finding.layer or "", []).append(finding)
    drifts: dict[str, list[Drift]] = {}
    for drift in report.drifts:
        drifts.setdefault(drift.layer, []).append(drift)
    measured = {one.numbers.name: one for one in report.measured}
    return tuple(
        Layer(
            number,
            now,
            tuple(
                # Of two layers with one name each has its own numbers.
                now if i == place else snapshot.by_name.get(now.name)
                for i, snapshot in enumerate(report.snapshots)
            ),
            report.thresholds,
            tuple(sorted(findings.get(now.name, ()), key=lambda one: RANK[one.severity])),
            tuple(drifts.get(now.name, ())),
            measured.get(now.name),
        )
        for number, (place, now) in enumerate(found, 1)
    )


def gains(numbers: Numbers | None) -> Array:
    """Return what the channels are multiplied by, without sign; empty without numbers."""
    return _EMPTY if numbers is None or numbers.problem else np.abs(numbers.gain)


def variance_axis(layers: Sequence[Layer]) -> LogAxis:
    """Return the axis for the variances of all layers, which shows every eps as well."""
    eps = [layer.now.eps for layer in layers if layer.readable and layer.now.eps > 0]
    return log_axis(
        [*(layer.now.variance for layer in layers), np.array(eps)], min(eps, default=None)
    )
