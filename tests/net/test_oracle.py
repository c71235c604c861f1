"""Shapes and blobs against what real Caffes built: a sample where `../shared` is at hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from protolint.caffe.build import Build
from protolint.caffe.registry import DIALECTS
from protolint.layers.states import NetState
from protolint.net.net import Net
from protolint.net.parameters import parameters
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.source import Source
from protolint.workspace.reading import Readings
from tests.sample import every

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "oracle"
#: The real builds have no cuDNN.
BUILD = Build(cudnn=False)
SETS = [
    pytest.param(path, id=path.name.partition(".jsonl")[0])
    for path in sorted(ORACLE.glob("*.jsonl.gz"))
    if path.name.startswith(("random-", "human-", "mixed-"))
]


def net_of(text: str, dialect: str) -> Net:
    readings = Readings.of(Source("net.prototxt", text.encode()), BUILD)
    (net,) = readings.read(DIALECTS[dialect]).nets
    return net


def state_of(net: Net, phase: str) -> NetState:
    """The state that a phase makes with the net's own `state`."""
    given = net.message.message("state")
    if given is None:
        return NetState(phase)
    return NetState(phase, frozenset(given.texts("stage")), given.integer("level"))


def differences(net: Net, phase: str, real: dict[str, Any]) -> Iterator[str]:
    """What protolint says of a net that was built, where Caffe says something else."""
    view = View(state_of(net, phase), net.layers, net.inputs)
    known = shapes(net, view)
    for name, version in view.outputs.items():
        ours = list(known[version].dims) if known[version].complete else None
        if ours != real["blobs"].get(name):
            yield f"{name}: {known[version]}, and really {real['blobs'].get(name)}"
    made = [layer for layer in real["layers"] if layer["type"] != "Split"]
    if net.inputs:
        made = [layer for layer in made if layer["type"] != "Input"]
    layers = [layer for layer in view.layers if layer.type != "Split"]
    assert [layer.name for layer in layers] == [layer["name"] for layer in made]
    for layer, really in zip(layers, made, strict=True):
        blobs = parameters(net, view)[layer.index]
        found = None if blobs is None else [list(blob.shape.dims) for blob in blobs]
        if found != really["params"]:
            yield f"{layer.name}: blobs {found}, and really {really['params']}"


@pytest.mark.skipif(not SETS, reason="needs ../shared/oracle")
@pytest.mark.parametrize("path", SETS)
def test_shapes_and_blobs_are_those_of_every_net_that_builds(path: Path) -> None:
    dialect = path.name.partition(".jsonl")[0].partition("-")[2]
    if dialect not in DIALECTS:
        pytest.skip(f"{dialect} is no target")
    wrong, built = {}, 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in islice(lines, 0, None, every(4)):
            record = json.loads(line)
            net = None
            for phase in ("TRAIN", "TEST"):
                if not record[phase]["builds"]:
                    continue
                net = net or net_of(record["net"], dialect)
                if phase == "TEST" and DIALECTS[dialect].merges_scale and net.batchnorms:
                    continue  # folded into the convolutions above
                built += 1
                found = list(differences(net, phase, record[phase]))
                if found:
                    wrong[f"{record['name']} {phase}"] = found
    assert built > 400 // every(4)
    assert wrong == {}
