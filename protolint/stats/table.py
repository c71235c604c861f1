"""The report as tables for a terminal, as wide as there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.diagnostic import Diagnostic
from protolint.record import NamedTuple
from protolint.report.style import Style, width
from protolint.report.table import Column, draw
from protolint.shown import shown
from protolint.stats.definitions import AGE, DEAD, EPS_SHARE, GAIN, VARIANCE, share_text
from protolint.stats.model import Drift, Measured, Snapshot, StatsReport
from protolint.stats.rows import age_text, figure, sorted_drifts, sorted_layers, spreads
from protolint.stats.summary import Summary, summary_of
from protolint.words import counted

__all__ = ["render"]

#: Findings that are shown; the other formats have all of them.
_MOST = 30
#: Labels that are longer are not repeated in every row.
_LONGEST = 20
_ORDERS = {
    "iteration": "ordered by iteration (_iter_N in the names)",
    "epoch": "ordered by epoch (in the names)",
    "given": "in the order given (not all names have an iteration or epoch)",
}


class _Part(NamedTuple):
    """A column with its cells.

    One with a `rank` goes below its row where there is no room, the highest first, with its
    title before it.
    """

    column: Column
    cells: Sequence[str]
    rank: int = 0


def render(
    report: StatsReport,
    *,
    colour: bool,
    limit: int | None,
    sort: str = "net",
    each: bool = False,
) -> str:
    """Return the report as text; `limit` is the width of the terminal, None for any.

    One file: its layers. Several: a line for each, and how their layers moved from one to the
    next, and the layers of each if `each` or nothing could be compared. `sort` is a key of
    SORTS.
    """
    style = Style(colour)
    blocks: list[str] = []
    compared = bool(report.drifts)
    if compared:
        blocks += _comparison(report, style, limit, sort)
    if each or not compared:
        blocks += [_file(report, s, style, limit, sort) for s in report.snapshots]
    if report.data is not None:
        blocks.append(_measured(report, style, limit))
    if report.notes:
        blocks.append("".join(f"note: {shown(note)}\n" for note in report.notes))
    if report.findings:
        blocks.append("".join(_findings(report, style)))
    return "\n".join(blocks)


def _file(
    report: StatsReport, snapshot: Snapshot, style: Style, limit: int | None, sort: str
) -> str:
    norms = counted(len(snapshot.layers), "BatchNorm")
    head = style.bold(f"{shown(snapshot.path)}: {snapshot.kind.title}, {norms}")
    if not snapshot.layers:
        return f"{head}\n"
    rows = sorted_layers(snapshot.layers, sort, report.thresholds)
    legend = "Three numbers are the lowest, the median and the highest of the channels."
    return f"{head}\n{legend}\n\n{_fitted(_layer_parts(rows), limit)}"


def _layer_parts(rows: list[tuple[Numbers, Summary]]) -> list[_Part]:
    known = [(n, None if n.problem else s) for n, s in rows]

    def three(name: str) -> list[str]:
        return spreads([None if s is None else getattr(s, name) for _, s in known])

    return [
        _Part(Column("layer", wraps=True), [n.name for n, _ in known]),
        _Part(Column("layout"), [n.layout for n, _ in known], 4),
        _Part(Column("C", right=True), [str(n.channels) if s else "" for n, s in known], 2),
        _Part(Column("mean", right=True), three("mean"), 6),
        _Part(Column(VARIANCE.name, right=True), three("variance")),
        _Part(Column("gamma", right=True), three("gamma"), 7),
        _Part(Column(GAIN.name, right=True), three("gain"), 5),
        _Part(Column("eps"), [f"{s.eps:.3g}" if s else "" for _, s in known], 8),
        _Part(
            Column(EPS_SHARE.name, right=True),
            [share_text(s.eps_share) if s else "" for _, s in known],
            3,
        ),
        _Part(Column(DEAD.name, right=True), [str(s.dead) if s else "" for _, s in known], 1),
        _Part(Column(AGE.name, right=True), [age_text(n.age) for n, _ in known], 9),
        _Part(Column("notes", below=True), ["; ".join(_notes(n, s)) for n, s in known]),
    ]


def _notes(numbers: Numbers, summary: Summary | None) -> Iterator[str]:
    if summary is None:
        yield numbers.problem
        return
    if summary.non_finite:
        yield f"{counted(summary.non_finite, 'channel')} with NaN or infinity"
    if summary.negative:
        yield f"{summary.negative} below 0"
    if summary.near_zero:
        kinds = [(summary.denormal, "denormal"), (summary.zero, "exactly 0")]
        parts = ", ".join(f"{count} {kind}" for count, kind in kinds if count)
        yield f"{summary.near_zero} near 0{f' ({parts})' if parts else ''}"
    if summary.zero_gamma:
        yield f"gamma 0 in {summary.zero_gamma}"


def _fitted(parts: list[_Part], limit: int | None) -> str:
    """Return the table, with as many columns below their rows as the width asks for.

    Names are broken only where that is not enough.
    """
    text = ""
    ranks = range(max(part.rank for part in parts), -1, -1)
    for wraps, rank in [*((False, rank) for rank in ranks), (True, 0)]:
        moved = [part for part in parts if part.rank > rank]
        kept = [part for part in parts if part.rank <= rank]
        if not wraps:
            kept = [part._replace(column=part.column._replace(wraps=False)) for part in kept]
        text = _drawn(kept, moved, limit)
        if limit is None or all(width(line) <= limit for line in text.splitlines()):
            break
    return text


def _drawn(kept: list[_Part], moved: list[_Part], limit: int | None) -> str:
    below = kept[-1]
    cells = [
        "; ".join(
            filter(
                None,
                [
                    *(f"{p.column.title} {' '.join(p.cells[i].split())}" for p in moved
                      if p.cells[i]),
                    below.cells[i],
                ],
            )
        )
        for i in range(len(below.cells))
    ]  # fmt: skip
    columns = [part.column for part in kept]
    rows = [[*(part.cells[i] for part in kept[:-1]), cells[i]] for i in range(len(cells))]
    return draw(columns, rows, limit)


def _comparison(report: StatsReport, style: Style, limit: int | None, sort: str) -> list[str]:
    snapshots = report.snapshots
    head = style.bold(f"{len(snapshots)} snapshots, {_ORDERS[report.order]}")
    blocks = [f"{head}\n\n{_fitted(_snapshot_parts(report), limit)}"]
    drifts = sorted_drifts(report.drifts, sort)
    title = style.bold(f"{_pair(report)}: ratio of variances, shift of the mean in deviations")
    blocks.append(f"{title}\n\n{_fitted(_drift_parts(report, drifts), limit)}")
    blocks.append("".join(f"{line}\n" for line in _verdict(report)))
    return blocks


def _pair(report: StatsReport) -> str:
    if len(report.snapshots) > 2:
        return "From each to the next"
    a, b = _names(report)
    return f"From {a} to {b}"


def _names(report: StatsReport) -> list[str]:
    """Return what to call the snapshots: by their labels, by their numbers where those are long."""
    labels = [shown(snapshot.label) for snapshot in report.snapshots]
    short = max(map(width, labels)) <= _LONGEST
    return labels if short else [f"#{i}" for i in range(1, len(labels) + 1)]


def _snapshot_parts(report: StatsReport) -> list[_Part]:
    rows = []
    names = _names(report)
    for position, snapshot in enumerate(report.snapshots):
        known = [n for n in snapshot.layers if not n.problem]
        figures = [(summary_of(n, report.thresholds), n.name) for n in known]
        lowest = min(
            ((s.variance.low, name) for s, name in figures if not np.isnan(s.variance.low)),
            default=None,
        )
        gain = max((s.gain_size.high for s, _ in figures if not np.isnan(s.gain_size.high)),
                   default=float("nan"))  # fmt: skip
        is_outlier = report.outlier is not None and report.outlier.snapshot == position
        rows.append(
            (
                "" if names[position] == shown(snapshot.label) else names[position],
                snapshot.label,
                str(len(snapshot.layers)),
                figure(lowest[0]) if lowest else "-",
                lowest[1] if lowest else "",
                figure(gain),
                str(sum(s.dead for s, _ in figures)),
                str(sum(s.near_zero for s, _ in figures)),
                str(sum(s.denormal for s, _ in figures)),
                str(sum(s.non_finite for s, _ in figures)),
                "outlier" if is_outlier else "",
            )
        )
    cells = list(zip(*rows, strict=True))
    columns = [
        (Column("#"), 0),
        (Column("snapshot", wraps=True), 0),
        (Column("BatchNorms", right=True), 6),
        (Column("lowest variance", right=True), 0),
        (Column("in layer", wraps=True), 3),
        (Column("largest gain", right=True), 5),
        (Column("dead", right=True), 1),
        (Column("near 0", right=True), 2),
        (Column("denormal", right=True), 4),
        (Column("NaN", right=True), 7),
        (Column("notes", below=True), 0),
    ]
    return [_Part(c, cells[i], rank) for i, (c, rank) in enumerate(columns)]


def _drift_parts(report: StatsReport, drifts: list[Drift]) -> list[_Part]:
    names = _names(report)
    several = len(names) > 2

    def channel(value: float, number: int) -> str:
        return "-" if np.isnan(value) else f"{figure(value)} (channel {number})"

    return [
        _Part(Column("layer", wraps=True), [d.layer for d in drifts]),
        _Part(
            Column("from -> to", wraps=True),
            [f"{names[d.before]} -> {names[d.after]}" if several else "" for d in drifts],
        ),
        _Part(Column("median", right=True), [figure(d.median_ratio) for d in drifts]),
        _Part(
            Column("furthest", right=True),
            [channel(d.worst_ratio, d.worst_channel) for d in drifts],
            2,
        ),
        _Part(Column("mean shift", right=True), [figure(d.mean_shift) for d in drifts], 1),
        _Part(
            Column("furthest shift", right=True),
            [channel(d.worst_mean_shift, d.worst_mean_channel) for d in drifts],
            4,
        ),
        _Part(Column("dead", right=True), [_gained(d) for d in drifts], 3),
        _Part(
            Column("near 0", right=True),
            [f"+{len(d.near_zero_gained)}" if d.near_zero_gained else "" for d in drifts],
            3,
        ),
        _Part(Column("notes", below=True), [_drift_notes(d) for d in drifts]),
    ]


def _gained(drift: Drift) -> str:
    parts = [(drift.dead_gained, "+"), (drift.dead_lost, "-")]
    return " ".join(f"{sign}{len(channels)}" for channels, sign in parts if channels)


def _drift_notes(drift: Drift) -> str:
    notes = ["moved"] if drift.moved else []
    notes += [f"{counted(drift.left_out, 'channel')} not finite"] if drift.left_out else []
    return "; ".join(notes)


def _verdict(report: StatsReport) -> Iterator[str]:
    labels = _names(report)
    first = report.first_moved
    if first is not None:
        yield (
            f"The first to move beyond a threshold: layer '{shown(first.layer)}', between"
            f" {labels[first.before]} and {labels[first.after]}."
        )
    else:
        yield "No layer moved beyond a threshold."
    far = report.outlier
    if far is not None:
        yield (
            f"Outlier: {labels[far.snapshot]} is {figure(far.distance)} times from its nearer"
            f" neighbour in layer '{shown(far.layer)}', the neighbours {figure(far.between)} from"
            " each other."
        )
    elif len(labels) > 2:
        yield "No snapshot is an outlier."
    yield "Weights do not show whether TRAIN and TEST agree: run a batch in both modes to know."


def _measured(report: StatsReport, style: Style, limit: int | None) -> str:
    rows = report.measured
    head = style.bold(
        f"On {shown(report.data or '')}, run by {report.runner}: stored against batch"
    )
    if not rows:
        return f"{head}\n"

    def two(values: np.typing.NDArray[np.float64]) -> str:
        finite = values[np.isfinite(values)]
        if not finite.size:
            return "-"
        return f"{figure(float(np.median(finite)))}  {figure(float(finite.max()))}"

    parts = [
        _Part(Column("layer", wraps=True), [m.numbers.name for m in rows]),
        _Part(Column("values per C", right=True), [str(m.count) for m in rows], 2),
        _Part(Column("mean shift", right=True), [two(m.mean_shift) for m in rows]),
        _Part(Column("variance ratio", right=True), [_ratios(m) for m in rows], 1),
        _Part(Column("gap", right=True), [figure(m.gap) for m in rows]),
        _Part(
            Column("differs", right=True),
            ["-" if np.isnan(m.differs) else f"{m.differs:.1%}" for m in rows],
        ),
        _Part(Column("notes", below=True), ["" for _ in rows]),
    ]
    legend = (
        "Shift of the mean in stored deviations: median and highest channel; gap in deviations."
    )
    return f"{head}\n{legend}\n\n{_fitted(parts, limit)}"


def _ratios(measured: Measured) -> str:
    values = measured.variance_ratio[np.isfinite(measured.variance_ratio)]
    if not values.size:
        return "-"
    three = (values.min(), np.median(values), values.max())
    return "  ".join(figure(float(value)) for value in three)


def _findings(report: StatsReport, style: Style) -> Iterator[str]:
    labels = {snapshot.path: snapshot.label for snapshot in report.snapshots}
    several = len(labels) > 1
    for finding in report.findings[:_MOST]:
        yield f"{_line(finding, labels if several else {}, style)}\n"
    more = len(report.findings) - _MOST
    if more > 0:
        yield f"... and {more} more; --format json has all of them\n"


def _line(finding: Diagnostic, labels: dict[str, str], style: Style) -> str:
    severity = style.severity(finding.severity, finding.severity.value)
    place = f"{shown(labels[finding.path])}: " if labels else ""
    return f"{place}{severity}: {style.code(finding.code)} {shown(finding.message)}"
