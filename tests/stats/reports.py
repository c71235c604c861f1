"""Small reports for the pictures, made of chosen numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.diagnostic import Diagnostic, Severity
from protolint.source import Span
from protolint.stats.model import Drift, Snapshot, StatsReport
from protolint.weights.kinds import FileKind

__all__ = ["EPS", "finding", "layer", "many", "moving", "report"]

#: 1e-5 as the 32-bit number that Caffe adds.
EPS = float(np.float32(1e-5))


def layer(name: str, variance: Sequence[float], gamma: float = 1.0) -> Numbers:
    """A BatchNorm with these variances."""
    size = len(variance)
    return Numbers(
        name,
        "B3",
        np.linspace(-1, 1, size),
        np.array(variance, dtype=np.float64),
        np.full(size, gamma),
        np.zeros(size),
        EPS,
    )


def finding(path: str, name: str, message: str = "one channel is dead") -> Diagnostic:
    """WT007 about a layer."""
    return Diagnostic(
        "WT007", "near-zero-variance", Severity.WARNING, message, path, Span(0, 0), name
    )


def report(*layers: Numbers, findings: Sequence[Diagnostic] = (), path: str = "net") -> StatsReport:
    """A report about one file."""
    snapshot = Snapshot(path, path, FileKind.MODEL, layers)
    return StatsReport((snapshot,), findings=tuple(findings))


def many(layers: int, snapshots: int = 1) -> StatsReport:
    """Layers as a deep net has them, with a dead channel in every twentieth."""
    random = np.random.default_rng(0)
    first = []
    for i in range(layers):
        variance = np.exp(random.normal(-i / 40, 1.5, 64))
        if i % 20 == 3:
            variance[:2] = 5.6e-45, 0
        first.append(layer(f"block{i // 6}/unit{i % 6}/conv_3x3_reduce/bn_{i}", list(variance)))
    files = [
        Snapshot(
            f"net_iter_{1000 * k}.caffemodel",
            f"iter {1000 * k}",
            FileKind.MODEL,
            tuple(replace(one, variance=one.variance * 1.5**k) for one in first),
            1000 * k,
        )
        for k in range(1, snapshots + 1)
    ]
    drifts = tuple(
        _drift(one.name, k, 1.5 + i / 1000)
        for k in range(snapshots - 1)
        for i, one in enumerate(first)
    )
    findings = tuple(
        finding(files[-1].path, one.name) for one in files[-1].layers if one.denormal.any()
    )
    return StatsReport(tuple(files), "iteration", drifts, findings=findings)


def moving(*variances: Sequence[float]) -> StatsReport:
    """One layer, `bn`, with these variances in each snapshot."""
    files = tuple(
        Snapshot(f"net_iter_{k}.caffemodel", f"iter {k}", FileKind.MODEL, (layer("bn", one),), k)
        for k, one in enumerate(variances, 1)
    )
    drifts = tuple(_drift("bn", k, 7.0) for k in range(len(files) - 1))
    return StatsReport(files, "iteration", drifts, drifts[0])


def _drift(name: str, before: int, ratio: float) -> Drift:
    return Drift(name, before, before + 1, ratio, ratio, 0, 0.1, 0.2, 0, 0.0, (), (), (), ratio > 4)
