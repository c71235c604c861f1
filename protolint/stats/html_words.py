"""What a report says in words: the sentence on top, what follows from it, and small phrases."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.batchnorm.state import Age
from protolint.stats.figures_axis import digits, number
from protolint.stats.html_layers import Layer
from protolint.stats.model import Drift, StatsReport
from protolint.words import counted, joined

__all__ = ["age", "count", "headline", "moved", "remarks", "times"]


#: Rules that the numbers and the moves speak for.
_SUMMARISED = frozenset({"WT001", "WT002", "WT007", "WT012"})


def count(how_many: int, what: str) -> str:
    """Return `1 layer`, `2 layers`, `1,024 layers`."""
    return counted(how_many, what, spec=",")


def times(ratio: float) -> str:
    """Return a ratio as a sign and a number of 1 or more: how many times up or down."""
    if not 0 < ratio < 1:
        return f"\N{MULTIPLICATION SIGN}{digits(ratio)}"
    return f"\N{DIVISION SIGN}{digits(1 / ratio)}"


def age(known: Age) -> str:
    """How many TRAIN passes an average covers; empty if unknown."""
    if known.passes is None:
        return ""
    return f"{known.passes:,}{' or more' if known.at_least else ''}"


def moved(drifts: Sequence[Drift]) -> float:
    """Return the furthest that half of a layer's channels moved from one snapshot to the next."""
    return max((drift.median_ratio for drift in drifts), default=1.0)


def headline(report: StatsReport, layers: Sequence[Layer]) -> tuple[str, str]:
    """One sentence that says what is wrong, and `wrong`, `right`, or `open` to be judged."""
    if not layers:
        return "There is no BatchNorm layer to look at.", "open"
    parts = [*_wrong_numbers(report, layers), *_moves(report)]
    parts += _other_findings(report, bool(parts))
    if parts:
        text = joined(parts)
        return f"{text[0].upper()}{text[1:]}.", "wrong" if _is_wrong(report, layers) else "open"
    if report.measured:
        worst = max(report.measured, key=lambda one: one.gap)
        text = (
            "Nothing is wrong in the file; on the data, TRAIN and TEST differ by up to"
            f" {number(worst.gap)} standard deviations ({worst.numbers.name})."
        )
        return text, "open"
    which = count(len(layers), "BatchNorm layer").removeprefix("1 ")
    return f"Nothing is wrong with the {which}.", "right"


def _is_wrong(report: StatsReport, layers: Sequence[Layer]) -> bool:
    """Whether more was found than channels under eps, which no rule reports by itself."""
    return bool(report.findings or report.first_moved) or any(
        layer.now.problem or layer.summary.non_finite or layer.summary.negative for layer in layers
    )


def _wrong_numbers(report: StatsReport, layers: Sequence[Layer]) -> list[str]:
    """Return what is wrong with the numbers of the last snapshot."""
    parts = []
    for field, what in (
        ("non_finite", "NaN or infinite values"),
        ("negative", "a negative variance"),
        ("dead", "a variance under eps"),
    ):
        hit = [getattr(layer.summary, field) for layer in layers]
        hit = [channels for channels in hit if channels]
        if hit:
            where = f"{count(sum(hit), 'channel')} of {count(len(hit), 'layer')}"
            parts.append(f"{what} in {where}")
    unread = sum(bool(layer.now.problem) for layer in layers)
    if unread:
        parts.append(f"{count(unread, 'layer')} without numbers")
    if parts and len(report.snapshots) > 1:
        parts[-1] += f" ({report.snapshots[-1].label})"
    return parts


def _moves(report: StatsReport) -> list[str]:
    """Return what is wrong between the snapshots."""
    parts = []
    if report.first_moved is not None:
        moving = {drift.layer for drift in report.drifts if drift.moved}
        first = report.first_moved.layer
        parts.append(f"{count(len(moving), 'layer')} that moved ({first} first)")
    if report.outlier is not None:
        label = report.snapshots[report.outlier.snapshot].label
        parts.append(f"one snapshot that stands out ({label})")
    return parts


def _other_findings(report: StatsReport, is_summarised: bool) -> list[str]:
    """Return the findings, by name, of rules that the rest of the sentence does not speak of."""
    rules: dict[str, set[str]] = {}
    for finding in report.findings:
        if not (is_summarised and finding.code in _SUMMARISED):
            rules.setdefault(finding.name, set()).add(finding.layer or "")
    parts = []
    for name, where in rules.items():
        known = where - {""}
        parts.append(
            name.replace("-", " ") + (f" in {count(len(known), 'layer')}" if known else "")
        )
    return parts


def remarks(report: StatsReport, layers: Sequence[Layer]) -> list[str]:
    """Sentences that say more of it: the worst channel, the first move, the gap."""
    found = []
    low = [
        (float(layer.now.variance[layer.now.dead].min()), layer.now)
        for layer in layers
        if layer.summary.dead
    ]
    if low:
        least, where = min(low, key=lambda pair: pair[0])
        found.append(
            "A channel with a variance under eps hardly varied in training, and eps alone decides"
            f" what it is multiplied by. The smallest is {number(least)}, in {where.name}"
            f" (eps {number(where.eps)})."
        )
    if report.first_moved is not None:
        found.append(_first(report, report.first_moved))
    if report.outlier is not None:
        out = report.outlier
        label = report.snapshots[out.snapshot].label
        found.append(
            f"Snapshot {label} is {number(out.distance)} times away from the nearer of its"
            f" neighbours, while they are {number(out.between)} times apart; most in {out.layer}."
        )
    if report.measured:
        worst = max(report.measured, key=lambda one: one.gap)
        found.append(
            f"On {report.data}, TRAIN and TEST differ most in {worst.numbers.name}: by"
            f" {number(worst.gap)} standard deviations; {worst.differs:.0%} of its output values"
            " are off by more than a tenth of |gamma|."
        )
    return [*found, *report.notes]


def _first(report: StatsReport, drift: Drift) -> str:
    """Return the first layer to move, with what of it moved."""
    before, after = report.snapshots[drift.before], report.snapshots[drift.after]
    ratio, way = drift.worst_ratio, "up"
    if 0 < ratio < 1:
        ratio, way = 1 / ratio, "down"
    way = f"channel {drift.worst_channel} the most, {number(ratio)} times {way}"
    if drift.near_zero_gained:
        way = f"{count(len(drift.near_zero_gained), 'channel')} fell to almost 0"
    return (
        f"{drift.layer} moved first, from {before.label} to {after.label}: its median channel by"
        f" {number(drift.median_ratio)} times, {way}."
    )
