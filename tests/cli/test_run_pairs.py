"""`protolint run` refuses a net with weights that are not its own, and says what is between."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.weights.index import index_file
from protolint.wire import float_field, length_delimited
from tests.conftest import REPOSITORY, SHARED

from .command import run

CASES = SHARED / "cases" / "more"


@pytest.mark.parametrize(
    ("folder", "net", "weights", "message"),
    [
        ("14-fold-deploy-is-folded-weights-are-not", "deploy_folded", "trained", "net is folded"),
        ("24-deploy-layer-renamed-in-weights", "deploy", "weights", "'y_fc2_club' in the weights"),
    ],
)
def test_a_pair_that_is_no_model_is_not_run(
    folder: str, net: str, weights: str, message: str
) -> None:
    if not CASES.exists():
        pytest.skip("the cases of public reports are not beside this checkout")
    path = CASES / folder
    done = run("run", path / f"{net}.prototxt", path / f"{weights}.caffemodel")
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize("verb", ["run", "compare", "recalibrate"])
def test_another_eps_than_the_one_that_was_trained_is_said(verb: str, tmp_path: Path) -> None:
    folder = REPOSITORY / "fixtures" / "golden" / "bvlc-master-9b89154"
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    text = (folder / "brook.prototxt").read_text()
    net.write_text(
        text.replace('type: "BatchNorm"', 'type: "BatchNorm" batch_norm_param { eps: 0.01 }', 1)
    )
    data = (folder / "brook.caffemodel").read_bytes()
    index = index_file(str(folder / "brook.caffemodel"))
    layer = next(layer for layer in index.layers if layer.name == "norm_a")
    param = length_delimited(139, float_field(3, 0.001))
    payload = data[layer.payload.start : layer.payload.end] + param
    weights.write_bytes(
        data[: layer.field.start] + length_delimited(100, payload) + data[layer.field.end :]
    )
    more: dict[str, list[str | Path]] = {
        "compare": [net, weights],
        "recalibrate": ["--data", folder / "brook.input.npy", "-o", tmp_path / "x", "--least", "2"],
    }
    done = run(verb, net, weights, *more.get(verb, []), "--target", "bvlc")
    assert done.returncode == 0, done.stderr
    assert "'norm_a' was trained with eps 0.001, and has 0.01 in the net" in done.stderr
