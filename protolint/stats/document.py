"""The report for programs: JSON with everything, CSV with a row per layer and file.

A value that is not finite is null in JSON and empty in CSV; `non_finite` counts the channels
that have one. `schema_version` changes when a field's meaning does.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import Array
from protolint.diagnostic import Diagnostic
from protolint.shown import json_text, shown
from protolint.stats.model import Drift, Measured, Outlier, Snapshot, StatsReport
from protolint.stats.rows import sorted_drifts, sorted_layers
from protolint.stats.summary import Spread, Summary

__all__ = ["COLUMNS", "SCHEMA_VERSION", "as_csv", "as_json"]

SCHEMA_VERSION = 1

_SPREADS = ("mean", "variance", "gamma", "beta", "gain")
_COUNTS = ("dead", "near_zero", "denormal", "zero", "negative", "non_finite", "zero_gamma")
#: The columns of the CSV, in order.
COLUMNS = (
    "file",
    "label",
    "iteration",
    "layer",
    "layout",
    "channels",
    *(f"{name}_{part}" for name in _SPREADS for part in ("min", "median", "max")),
    "eps",
    "eps_share_mean",
    "eps_share_max",
    *_COUNTS,
    "age",
    "age_at_least",
    "problem",
)


def as_json(report: StatsReport, sort: str = "net") -> str:
    """One object, in ASCII, whatever encoding stdout has."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "order": report.order,
        "thresholds": report.thresholds.by_key(),
        "files": [_file(report, snapshot, sort) for snapshot in report.snapshots],
        "drifts": [_drift(report, drift) for drift in sorted_drifts(report.drifts, sort)],
        "first_moved": None if report.first_moved is None else _drift(report, report.first_moved),
        "outlier": None if report.outlier is None else _outlier(report, report.outlier),
        "data": _data(report),
        "findings": [_finding(finding) for finding in report.findings],
        "notes": list(report.notes),
    }
    return json_text(document, ascii=True) + "\n"


def as_csv(report: StatsReport, sort: str = "net") -> str:
    """Return a head and a row per layer and file; a layer without numbers has only its problem."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for snapshot in report.snapshots:
        for numbers, summary in sorted_layers(snapshot.layers, sort, report.thresholds):
            writer.writerow(_row(snapshot, numbers, summary))
    return text.getvalue()


def _row(snapshot: Snapshot, numbers: Numbers, summary: Summary) -> Iterator[Any]:
    yield from (shown(snapshot.path), shown(snapshot.label), _blank(snapshot.iteration))
    yield from (shown(numbers.name), numbers.layout)
    if numbers.problem:
        yield from [""] * (len(COLUMNS) - 6)
        yield shown(numbers.problem)
        return
    yield summary.channels
    for name in _SPREADS:
        spread: Spread = getattr(summary, name)
        yield from (_blank(_finite(value)) for value in spread)
    for value in (summary.eps, summary.eps_share, summary.eps_most):
        yield _blank(_finite(value))
    yield from (getattr(summary, name) for name in _COUNTS)
    yield from (_blank(numbers.age.passes), int(numbers.age.at_least), "")


def _blank(value: object) -> object:
    return "" if value is None else value


def _finite(value: float) -> float | None:
    """Return the number, or None where JSON has none for it."""
    return float(value) if math.isfinite(value) else None


def _file(report: StatsReport, snapshot: Snapshot, sort: str) -> dict[str, Any]:
    layers = sorted_layers(snapshot.layers, sort, report.thresholds)
    return {
        "path": snapshot.path,
        "label": snapshot.label,
        "kind": snapshot.kind.title,
        "iteration": snapshot.iteration,
        "layers": [_layer(numbers, summary) for numbers, summary in layers],
    }


def _layer(numbers: Numbers, summary: Summary) -> dict[str, Any]:
    head: dict[str, Any] = {
        "name": numbers.name,
        "layout": numbers.layout,
        "problem": numbers.problem or None,
    }
    if numbers.problem:
        return head
    return {
        **head,
        "channels": summary.channels,
        **{name: _spread(getattr(summary, name)) for name in _SPREADS},
        "affine": numbers.affine,
        "eps": _finite(summary.eps),
        "eps_share": {"mean": _finite(summary.eps_share), "max": _finite(summary.eps_most)},
        **{name: getattr(summary, name) for name in _COUNTS},
        "age": {"passes": numbers.age.passes, "at_least": numbers.age.at_least},
    }


def _spread(spread: Spread) -> dict[str, float | None]:
    names = ("min", "median", "max")
    return {name: _finite(value) for name, value in zip(names, spread, strict=True)}


def _drift(report: StatsReport, drift: Drift) -> dict[str, Any]:
    return {
        "layer": drift.layer,
        "from": report.snapshots[drift.before].path,
        "to": report.snapshots[drift.after].path,
        "moved": drift.moved,
        "variance_ratio": {
            "median": _finite(drift.median_ratio),
            "furthest": _finite(drift.worst_ratio),
            "channel": drift.worst_channel,
            "far": drift.far,
        },
        "mean_shift": {
            "median": _finite(drift.mean_shift),
            "furthest": _finite(drift.worst_mean_shift),
            "channel": drift.worst_mean_channel,
        },
        "dead_gained": list(drift.dead_gained),
        "dead_lost": list(drift.dead_lost),
        "near_zero_gained": list(drift.near_zero_gained),
        "left_out": drift.left_out,
    }


def _outlier(report: StatsReport, outlier: Outlier) -> dict[str, Any]:
    return {
        "path": report.snapshots[outlier.snapshot].path,
        "layer": outlier.layer,
        "distance": _finite(outlier.distance),
        "between_neighbours": _finite(outlier.between),
    }


def _data(report: StatsReport) -> dict[str, Any] | None:
    if report.data is None:
        return None
    return {
        "path": report.data,
        "run_by": report.runner,
        "layers": [_measured(measured) for measured in report.measured],
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "name": measured.numbers.name,
        "values_per_channel": measured.count,
        "mean_shift": _of(measured.mean_shift),
        "variance_ratio": _of(measured.variance_ratio),
        "gap": _finite(measured.gap),
        "differs": _finite(measured.differs),
    }


def _of(values: Array) -> dict[str, float | None]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return _spread(Spread(math.nan, math.nan, math.nan))
    return _spread(Spread(float(finite.min()), float(np.median(finite)), float(finite.max())))


def _finding(finding: Diagnostic) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "path": finding.path,
        "layer": finding.layer,
    }
