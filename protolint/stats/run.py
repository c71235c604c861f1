"""From files to a report: read, pick layers, compare, find."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from protolint.batchnorm.in_net import layers_in_net
from protolint.batchnorm.sources import SOURCES
from protolint.batchnorm.state import Statistic
from protolint.caffe.dialect import Dialect
from protolint.diagnostic import Diagnostic
from protolint.errors import UsageError
from protolint.lint.check_weights import check_numbers
from protolint.lint.registry import find_rule
from protolint.lint.rule import Finding
from protolint.lint.select import Selection, selection_of
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.stats.compare import compare_snapshots
from protolint.stats.model import Drift, Measured, Snapshot, StatsReport
from protolint.stats.reading import Progress, Reading, read_snapshots
from protolint.suggest import did_you_mean
from protolint.words import listed, plural
from protolint.workspace.thresholds import Thresholds
from protolint.workspace.workspace import Workspace

__all__ = ["Options", "collect", "drift_findings", "layer_findings"]

#: How many channels a message names.
_NAMED = 3


class Options(NamedTuple):
    """What a user may say; `source` and `statistic` are as in `convert`.

    `net` is the path of a prototxt, `target` the Caffe it is for; `eps` that of layers whose
    file does not store it (PyTorch). `layers` are patterns as a shell has them; none: all.
    `workspace` reads the net, and has the rules and their thresholds.
    `data` is a batch that the net is run on, with the program `runner`.
    """

    net: str | None = None
    target: Dialect | None = None
    source: str | None = None
    statistic: Statistic | None = None
    eps: float = 1e-5
    layers: tuple[str, ...] = ()
    workspace: Workspace | None = None
    data: str | None = None
    runner: str = "numpy"


def collect(
    paths: Sequence[str], options: Options, progress: Progress | None = None
) -> StatsReport:
    """Read and compare the files, and return the report; raises ProtolintError.

    A layer whose layout is not certain is in the report, with its problem. UsageError: a
    wrong option, or an extra that is missing; InputError: a file that cannot be read.
    """
    if options.source is not None and options.source not in SOURCES:
        hint = did_you_mean(options.source, SOURCES)
        raise UsageError(
            f"--from: unknown writer '{options.source}'{hint}; known: {', '.join(SOURCES)}"
        )
    if options.data is not None and (options.net is None or len(paths) != 1):
        raise UsageError("--data needs the net (--net deploy.prototxt) and one weight file")
    workspace = options.workspace or Workspace()
    selection = selection_of(workspace, paths[0])
    net = None if options.net is None else workspace.net(options.net, options.target)
    in_net = {} if net is None else layers_in_net(net)
    reading = Reading(in_net, options.source, options.statistic, options.eps)
    found, order, notes = read_snapshots(paths, reading, progress)
    if net is not None:
        notes += tuple(_not_in_net(net, found))
    notes += tuple(
        f"{snapshot.path}: HDF5 does not say which Scale layers follow, so gamma and gain are"
        " without them: give the net with --net"
        for snapshot in found
        if any(numbers.scale_unknown for numbers in snapshot.layers)
    )
    snapshots = _picked(found, options.layers)
    thresholds = Thresholds.of(selection.settings.thresholds)
    comparison = compare_snapshots(snapshots, thresholds)
    measured: tuple[Measured, ...] = ()
    if options.data is not None and net is not None:
        from protolint.stats.data import measure

        measured, more = measure(options.data, net, snapshots[0], options.runner, options.source,
                                 options.statistic, workspace=workspace)  # fmt: skip
        notes += more
    return StatsReport(
        snapshots=snapshots,
        order=order,
        drifts=comparison.drifts,
        first_moved=comparison.first_moved,
        outlier=comparison.outlier,
        findings=(
            *layer_findings(snapshots, selection),
            *drift_findings(snapshots, comparison.drifts, selection),
        ),
        notes=notes + comparison.notes,
        thresholds=thresholds,
        measured=measured,
        data=options.data,
        runner=options.runner if options.data is not None else None,
        net=net,
    )


def _not_in_net(net: Net, found: Iterable[Snapshot]) -> list[str]:
    """Return notes on files whose BatchNorms the net does not have."""
    names = {layer.name for layer in net.layers}
    notes = []
    for snapshot in found:
        missing = [numbers.name for numbers in snapshot.layers if numbers.name not in names]
        if missing:
            many = f"{len(missing)} BatchNorms of it are" if len(missing) > 1 else "a BatchNorm is"
            notes.append(
                f"{snapshot.path}: {many} not in {net.source.path}, such as '{missing[0]}'; their"
                " eps is the file's"
            )
    return notes


def _picked(found: tuple[Snapshot, ...], patterns: tuple[str, ...]) -> tuple[Snapshot, ...]:
    """Return the snapshots with the layers that the patterns name; raises UsageError for none."""
    names = dict.fromkeys(numbers.name for snapshot in found for numbers in snapshot.layers)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, names)
            raise UsageError(f"--layer: no BatchNorm is called '{pattern}'{hint}")
    if not patterns:
        return found
    chosen = {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}
    return tuple(
        replace(snapshot, layers=tuple(n for n in snapshot.layers if n.name in chosen))
        for snapshot in found
    )


def layer_findings(snapshots: Iterable[Snapshot], selection: Selection) -> Iterator[Diagnostic]:
    """Yield what is wrong with single layers, file by file; one cause gives one finding.

    That is by the rules that need nothing but numbers, of a file of any kind. What else can be
    wrong with a caffemodel needs its net: `protolint check` reports it.
    """
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
