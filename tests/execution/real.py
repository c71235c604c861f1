"""Nets of real builds with what they computed, and how far the executor is from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np

import protolint
from protolint.caffe.dialect import Dialect
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.execution.weights import load_weights
from protolint.layers.states import NetState
from protolint.net.net import Net
from tests.sample import sample

__all__ = ["Run", "difference", "executed", "ordered", "runs"]


class Run(NamedTuple):
    """One net of a real build: its folder, and every blob after the last pass, by phase."""

    path: Path
    blobs: dict[str, dict[str, Array]]

    @property
    def after(self) -> Path | None:
        """The weights after three TRAIN passes, if there were any."""
        path = self.path / "after.caffemodel"
        return path if path.exists() else None


def runs(archive: Path, folder: Path) -> Iterator[Run]:
    """Yield a sample of the runs of an archive, unpacked into a folder."""
    with ZipFile(archive) as file:
        names = sample(sorted({name.split("/")[0] for name in file.namelist()}), 4)
        for name in names:
            wanted = [n for n in file.namelist() if n.startswith(f"{name}/")]
            file.extractall(folder, wanted)
            blobs = {
                phase: dict(_arrays(folder / name / f"{phase.lower()}.npz"))
                for phase in ("TEST", "TRAIN")
                if (folder / name / f"{phase.lower()}.npz").exists()
            }
            yield Run(folder / name, blobs)


def _arrays(path: Path) -> Iterator[tuple[str, Array]]:
    with np.load(path) as file:
        for name in file.files:
            yield name.replace("|", "/"), file[name]


def executed(
    path: Path, dialect: str | Dialect, phase: str, blobs: Mapping[str, Array]
) -> Executor:
    """The net in a folder after one pass in TEST, three in TRAIN, over the inputs in blobs."""
    net: Net = protolint.load(path / "net.prototxt", target=dialect, cudnn=False, isolated=True)
    weights = load_weights(str(path / "net.caffemodel"), net.dialect)
    executor = Executor(net, weights, NetState(phase))
    sources = [layer for layer in executor.view.layers if not layer.bottoms]
    names = [*net.inputs, *(top.name for layer in sources for top in layer.tops)]
    for _ in range(3 if phase == "TRAIN" else 1):
        executor.forward({name: blobs[name] for name in names})
    return executor


def difference(found: Array, wanted: Array) -> float:
    """The largest difference, relative to the largest value; infinite for another size."""
    if found.size != wanted.size:
        return float("inf")
    a, b = (np.asarray(array, np.float64).reshape(-1) for array in (found, wanted))
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        gaps = np.where(same, 0, np.abs(a - b))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    size = np.abs(b[np.isfinite(b)]).max(initial=0)
    return float(gaps.max(initial=0) / max(size, 1e-30))


def ordered(found: Array, wanted: Array) -> bool:
    """Whether detections agree: images, classes and scores in order, boxes where no score is near.

    Equal scores come in any order, and which of them are the last to be kept is open too.
    """
    a, b = found.reshape(-1, 7), wanted.reshape(-1, 7)
    if a.shape != b.shape or difference(a[:, :3], b[:, :3]) > 1e-5:
        return False
    near = np.abs(b[:, None, 2] - b[None, :, 2]) < 1e-5
    alone = (near & (b[:, None, :2] == b[None, :, :2]).all(-1)).sum(1) == 1
    alone &= b[:, 2] > b[:, 2].min() + 1e-5
    return difference(a[alone], b[alone]) <= 1e-5
