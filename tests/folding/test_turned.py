"""Transposed weights in the usual order: the same numbers, and a net that gives the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.caffe.descriptors import load_schema
from protolint.deployment.run import Deployment, Wishes, deploy_files
from protolint.folding.numbers import FoldError, NumberedFold, check_folds
from protolint.folding.turned import transposed_layers, turnable, with_turned
from protolint.weights.index import index_model
from protolint.workspace.workspace import Choices, Workspace
from tests.cli.command import write

from .models import Weights, blobs_of, model_of, net_of, random_blobs

NET = """\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 2 dim: 6 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a"
  inner_product_param { num_output: 40 transpose: true bias_term: false } }
layer { name: "n" type: "BatchNorm" bottom: "a" top: "a" }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b"
  inner_product_param { num_output: 3 transpose: true } }
"""
SHARED = NET.replace(
    "bias_term: false }", 'bias_term: false } param { name: "w" }'
) + NET.splitlines()[1].replace('"a"', '"c"') + (
    ' inner_product_param { num_output: 40 transpose: true bias_term: false } param { name: "w" } }'
)  # fmt: skip
TWICE = NET + NET[NET.index('layer { name: "b"') :].replace('top: "b"', 'top: "c"')


def weights_of(text: str, seed: int = 4) -> Weights:
    return random_blobs(net_of(text), np.random.default_rng(seed))


def deployed(text: str, weights: Weights, folder: Path, **wishes: bool) -> Deployment:
    net = write(folder, "n.prototxt", text)
    data = model_of(net_of(text), weights)
    model = write(folder, "n.caffemodel", data)
    workspace = Workspace(Choices(isolated=True))
    return deploy_files(workspace, str(net), str(model), str(folder / "o"), Wishes(**wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("at_once", [1, 100, 1 << 23])
def test_it_computes_the_same(
    fold: bool, at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolint.weights.blobs._TURNED_AT_ONCE", at_once)
    weights = weights_of(NET)
    done = deployed(NET, weights, tmp_path, fold=fold)
    assert "weights that were transposed have the usual order (a, b)" in done.remarks
    text, found = (Path(path).read_bytes() for path in done.written)
    assert b"transpose" not in text
    blobs = blobs_of(found)
    assert np.array_equal(blobs["b"][0], weights["b"][0].T)
    assert np.array_equal(blobs["b"][1], weights["b"][1])
    assert blobs["a"][0].shape == (40, 6)
    assert fold or np.array_equal(blobs["a"][0], weights["a"][0].T)
    data = np.random.default_rng(0).standard_normal((2, 6)).astype(np.float32)
    before, after = (
        protolint.run(*pair, data=data, target="bvlc", isolated=True)["b"]
        for pair in ((tmp_path / "n.prototxt", tmp_path / "n.caffemodel"), done.written)
    )
    assert after == pytest.approx(before, rel=1e-5, abs=1e-5)


def test_the_layer_in_the_weights_says_so_too(tmp_path: Path) -> None:
    """A caffemodel alone is deployed by the net that it carries; twice is once."""
    model = load_schema("bvlc").message_class("NetParameter")()
    model.ParseFromString(model_of(net_of(NET), weights_of(NET)))
    for layer in model.layer:
        if layer.type == "InnerProduct":
            param = layer.inner_product_param
            param.num_output, param.transpose, param.bias_term = (
                (40, True, False) if layer.name == "a" else (3, True, True)
            )
    given = write(tmp_path, "n.caffemodel", model.SerializeToString())
    sizes = {"x": (2, 6)}
    done = protolint.deploy(
        given, output=tmp_path / "o", fold=True, input_shapes=sizes, isolated=True
    )
    again = protolint.deploy(
        done.written[1], output=tmp_path / "p", input_shapes=sizes, isolated=True
    )
    assert not [remark for remark in again.remarks if "transposed" in remark]
    first, second = (Path(found.written[1]).read_bytes() for found in (done, again))
    assert first == second
    model.ParseFromString(first)
    params = [one.inner_product_param for one in model.layer if one.type == "InnerProduct"]
    assert [(one.transpose, one.bias_term) for one in params] == [(False, True), (False, True)]


@pytest.mark.parametrize("text", [SHARED, TWICE])
def test_weights_that_others_use_stay(text: str, tmp_path: Path) -> None:
    weights = weights_of(text)
    if text is SHARED:
        weights = {**weights, "c": weights["a"]}
    done = deployed(text, weights, tmp_path)
    stays = "a" if text is SHARED else "b"
    (shown,) = (remark for remark in done.remarks if "transposed" in remark)
    assert f"({'b' if text is SHARED else 'a'})" in shown
    blobs = blobs_of(Path(done.written[1]).read_bytes())
    assert np.array_equal(blobs[stays][0], weights[stays][0])
    assert Path(done.written[0]).read_text().count("transpose: true") == 2


def test_without_weights_the_net_stays(tmp_path: Path) -> None:
    net = write(tmp_path, "n.prototxt", NET)
    done = protolint.deploy(net, output=tmp_path / "o", importer="opencv", isolated=True)
    assert Path(done.written[0]).read_text().count("transpose: true") == 2
    assert any("does not read transpose" in limit for limit in done.limits)


@pytest.mark.parametrize("small", [False, True])
def test_each_row_is_proven(small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if small:
        monkeypatch.setattr("protolint.folding.numbers._ALL", 8)
        monkeypatch.setattr("protolint.folding.numbers._SOME", 1)
        monkeypatch.setattr("protolint.folding.numbers._AT_ONCE", 50)
    weights = weights_of(NET)
    done = deployed(NET, weights, tmp_path)
    before, after = (
        Path(path).read_bytes() for path in (tmp_path / "n.caffemodel", done.written[1])
    )
    index = index_model("n", before)
    layers = turnable(index, transposed_layers(net_of(NET)))
    folds = with_turned(before, index, layers, ())
    assert [fold.entry.name for fold in folds] == ["a", "b"]
    made = index_model("m", after)
    assert check_folds(before, after, made, folds, 1e-6) == 0
    for row in range(40):
        wrong = [one._replace(factor=one.factor.copy()) for one in folds]
        wrong[0].factor[row] = 1.01
        with pytest.raises(FoldError, match="'a' would differ by 0"):
            check_folds(before, after, made, wrong, 1e-6)
    _check_tampered(before, after, folds)


def _check_tampered(before: bytes, after: bytes, folds: list[NumberedFold]) -> None:
    made = index_model("m", after)
    for blob in made.named("b")[0].blobs:
        broken = bytearray(after)
        broken[blob.runs[0].end - 2] ^= 1
        with pytest.raises(FoldError, match="'b' would differ"):
            check_folds(before, bytes(broken), made, folds, 1e-6)
