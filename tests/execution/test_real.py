"""The executor computes what five real Caffes computed, in TEST and in TRAIN."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.caffe.registry import DIALECTS
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.execution.weights import load_weights
from protolint.layers.states import NetState
from tests.conftest import REPOSITORY, SHARED
from tests.execution.real import difference, executed, ordered, runs
from tests.golden import DIALECT_OF

FIXTURES = REPOSITORY / "fixtures" / "golden"
PLACES = {"own": FIXTURES, "shared": SHARED / "golden"}
RUNS = (
    "bvlc", "bvlc-train", "nvidia-0.15", "nvidia-0.15-train", "nvidia-0.17", "nvidia-0.17-train",
    "ssd",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("folder", DIALECT_OF)
def test_golden_nets_give_what_their_caffe_gave(folder: str, place: str) -> None:
    inputs = sorted((PLACES[place] / folder).glob("*.input.npy"))
    if not inputs:
        pytest.skip(f"no golden nets of {folder} are {place}")
    for path in inputs:
        _check_golden(path, DIALECT_OF[folder])


def _check_golden(path: Path, dialect: str) -> None:
    stem = path.name.removesuffix(".input.npy")
    texts = [path.with_name(f"{stem}{end}") for end in (".prototxt", ".deploy.prototxt")]
    text = next(text for text in texts if text.exists())
    model = next(
        p for p in sorted(path.parent.glob(f"{stem}*caffemodel*")) if "_half" not in p.name
    )
    net = protolint.load(text, target=dialect, cudnn=False, isolated=True)
    executor = Executor(net, load_weights(str(model), net.dialect), NetState("TEST"))
    seen: dict[str, Array] = {}
    (name,) = executor.inputs
    for layer in executor.passing({name: np.load(path)}):
        seen[layer.name] = executor.blobs[layer.tops[0].name].copy()
    blobs = executor.blobs
    tops = path.with_name(f"{stem}.tops.npz")
    if tops.exists():
        with np.load(tops) as wanted:
            for layer in wanted.files:
                assert difference(seen[layer.replace("|", "/")], wanted[layer]) <= 2e-6, text
    last = json.loads(path.with_name(f"{stem}.meta.json").read_text())["last_blob"]
    assert difference(blobs[last], np.load(path.with_name(f"{stem}.output.npy"))) <= 2e-6, text


@pytest.mark.parametrize("name", RUNS)
def test_nets_give_what_a_real_build_gave(name: str, tmp_path: Path) -> None:
    archive = SHARED / "oracle" / "runs" / f"runs-{name}.zip"
    if not archive.exists():
        pytest.skip("the runs of real builds are not beside this checkout")
    dialect = DIALECTS[name.removesuffix("-train")]
    for run in runs(archive, tmp_path):
        for phase, wanted in run.blobs.items():
            executor = executed(run.path, dialect, phase, wanted)
            detections = {
                top.name
                for layer in executor.view.layers
                if layer.type == "DetectionOutput"
                for top in layer.tops
            }
            for blob, values in wanted.items():
                found = executor.blobs.get(blob)
                if found is None:
                    # The tops of the Splits that Caffe inserts, and those that have no name.
                    assert "_split_" in blob or blob == "(automatic)", (run.path.name, blob)
                elif blob in detections:
                    assert ordered(found, values), (run.path.name, phase, blob)
                else:
                    assert difference(found, values) <= 1e-5, (run.path.name, phase, blob)
                    assert found.shape == values.shape, (run.path.name, phase, blob)
            if phase == "TRAIN" and run.after is not None:
                _check_statistics(executor, run.after)


def _check_statistics(executor: Executor, after: Path) -> None:
    for layer, blobs in load_weights(str(after), executor.net.dialect).items():
        for found, wanted in zip(executor.parameters.get(layer, ()), blobs, strict=False):
            assert difference(found, wanted) <= 1e-5, (after.parent.name, layer)
