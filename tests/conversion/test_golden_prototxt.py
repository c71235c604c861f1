"""Nets converted by protolint are those that real builds were given for the same purpose."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from protolint.batchnorm.detect import detect
from protolint.batchnorm.facts import facts_of, file_marks
from protolint.weights.index import index_model
from tests.golden import DIALECT_OF, SHARED

PAIRS = sorted(SHARED.glob("*/converted/*.prototxt"))
NETS = sorted(path for path in SHARED.glob("*/*.prototxt") if "solver" not in path.name)


def identity_of(weights: Path) -> frozenset[str]:
    """The BatchNorm layers of a model with gamma 1 and beta 0 in every channel."""
    data = weights.read_bytes()
    index = index_model(str(weights), data)
    marks = file_marks(index)
    found = set()
    for layer in index.layers:
        if layer.type == "BatchNorm":
            facts = facts_of(data, index, layer, marks)
            state = detect(facts).candidates[0].layout.decode(facts.blobs)
            if state.identity_affine:
                found.add(layer.name)
    return frozenset(found)


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_converted_net_is_the_one_that_was_run(path: Path, tools: SimpleNamespace) -> None:
    """Equal in meaning, whatever the Scale layers are called and however blobs are.

    `onyx` for BVLC was run with the small eps that 0.17 had raised, and without correction.
    """
    name, _, origin = path.stem.partition(".from-")
    folder = next(f for f in DIALECT_OF if f.startswith(origin))
    source = SHARED / folder / f"{name}.prototxt"
    # The builds had no cuDNN.
    file = tools.read(source.read_bytes(), DIALECT_OF[folder], cudnn=False)
    identity = identity_of(source.with_suffix(".caffemodel"))
    made = tools.convert(file, DIALECT_OF[path.parts[-3]], identity=identity)
    text = path.read_bytes()
    if (path.parts[-3], path.stem) == ("bvlc-master-9b89154", "onyx.from-nvcaffe-0.17"):
        assert text.count(b"eps: 1e-06") == 1
        text = text.replace(b"eps: 1e-06", b"eps: 1e-05")
    wanted = tools.read(text, DIALECT_OF[path.parts[-3]], cudnn=False)
    assert tools.states(made, scale_names=False) == tools.states(wanted, scale_names=False)


@pytest.mark.parametrize("cudnn", [True, False], ids=["cudnn", "no-cudnn"])
@pytest.mark.parametrize("path", NETS, ids=lambda path: f"{path.parts[-2]}-{path.stem}")
def test_there_and_back_is_the_same_net(path: Path, cudnn: bool, tools: SimpleNamespace) -> None:
    dialect = DIALECT_OF[path.parts[-2]]
    file = tools.read(path.read_bytes(), dialect, cudnn=cudnn)
    converted = 0
    for target, engine in tools.targets:
        if engine == "CUDNN" and not cudnn:  # A build without it refuses such a net.
            continue
        if tools.plan(file, target, engine=engine).refusals:
            assert target == "nvidia-0.14"
            continue
        converted += 1
        back = tools.convert(tools.convert(file, target, engine=engine), dialect)
        assert tools.states(back) == tools.states(file), (target, engine)
    assert converted >= (5 if cudnn else 4)
