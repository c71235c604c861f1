"""The BatchNorms of forks (type BN) become Scale layers that compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import protolint
from protolint.batchnorm.fit import PairError
from protolint.batchnorm.state import Array
from protolint.caffe.descriptors import load_schema
from protolint.deployment.run import Deployment, Wishes, deploy_files
from protolint.errors import InputError
from protolint.folding.numbers import measure_folds
from protolint.workspace.workspace import Choices, Workspace
from tests.cli.command import write
from tests.folding.models import blobs_of

NET = """\
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 } } }
layer {
  name: "bn"
  type: "BN"  # of a fork
  bottom: "x"
  top: "y"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  bn_param { %s }
}
"""
INFERENCE = 'bn_mode: INFERENCE scale_filler { type: "constant" value: 1 }'
LEARN = 'shift_filler { type: "constant" value: 0.001 }'
SLOPE = 'slope_filler { type: "constant" value: 1 } frozen: true'


def blobs(count: int) -> list[Array]:
    random = np.random.default_rng(count)
    return [random.uniform(0.5, 2, (1, 3, 1, 1)).astype(np.float32) for _ in range(count)]


def deployed(text: str, values: list[Array], folder: Path, **wishes: Any) -> Deployment:
    model = load_schema("bvlc").message_class("NetParameter")(name="m")
    entry = model.layer.add(name="bn", type="BN", bottom=["x"], top=["y"])
    for value in values:
        entry.blobs.add().shape.dim.extend(value.shape)
        entry.blobs[-1].data.extend(value.ravel().tolist())
    net = write(folder, "net.prototxt", text)
    weights = write(folder, "net.caffemodel", model.SerializeToString())
    workspace = Workspace(Choices(isolated=True))
    return deploy_files(workspace, str(net), str(weights), str(folder / "o"), Wishes(**wishes))


def output(done: Deployment, data: Array) -> Array:
    return protolint.run(*done.written, data=data, target="bvlc", isolated=True)["y"]


DATA = np.random.default_rng(0).standard_normal((2, 3, 4, 4)).astype(np.float32)


def test_segnets_layer_multiplies_and_adds(tmp_path: Path) -> None:
    scale, shift = blobs(2)
    done = deployed(NET % INFERENCE, [scale, shift], tmp_path, source="segnet")
    assert output(done, DATA) == pytest.approx(DATA * scale + shift, rel=1e-6, abs=1e-6)
    text = Path(done.written[0]).read_text()
    assert '  type: "Scale"  # of a fork\n' in text
    assert "  scale_param { bias_term: true }\n" in text
    assert "param { lr_mult" not in text


def test_pspnets_layer_normalises_by_what_it_stores(tmp_path: Path) -> None:
    slope, bias, mean, variance = values = blobs(4)
    done = deployed(NET % SLOPE, values, tmp_path)
    wanted = slope * (DATA - mean) / np.sqrt(variance + 1e-5) + bias
    assert output(done, DATA) == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_a_layer_that_learns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'bn' is a BN in LEARN mode"):
        deployed(NET % LEARN, blobs(2), tmp_path)
    done = deployed(NET % LEARN, blobs(2), tmp_path, source="segnet", drop_global_stats=True)
    scale, shift = blobs(2)
    found = output(done, DATA)
    assert found == pytest.approx(DATA * scale + shift, rel=1e-6, abs=1e-6)
    mean, deviation = (f(DATA, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    assert np.abs(scale * (DATA - mean) / deviation + shift - found).max() > 0.1


def test_they_are_folded_in_one_call(tmp_path: Path) -> None:
    """Into the convolution above; a Scale below one that has none above is named and stays."""
    random = np.random.default_rng(3)
    conv = (
        'layer { name: "c" type: "Convolution" bottom: "x" top: "c"'
        " convolution_param { num_output: 3 kernel_size: 1 bias_term: false } }\n"
    )
    scale = 'layer { name: "s" type: "Scale" bottom: "y" top: "s" }\n'
    first, norm = (NET % SLOPE).split("\n", 1)
    weight = random.standard_normal((3, 3, 1, 1)).astype(np.float32)
    gain = random.standard_normal(3).astype(np.float32)
    slope, bias, mean, variance = values = blobs(4)
    model = load_schema("bvlc").message_class("NetParameter")(name="m")
    for name, kind, stored in (
        ("c", "Convolution", [weight]),
        ("bn", "BN", values),
        ("s", "Scale", [gain]),
    ):
        entry = model.layer.add(name=name, type=kind)
        for value in stored:
            entry.blobs.add().shape.dim.extend(value.shape)
            entry.blobs[-1].data.extend(value.ravel().tolist())
    weights = write(tmp_path, "net.caffemodel", model.SerializeToString())
    for above in (True, False):
        text = (
            first + "\n" + (conv if above else "") + norm.replace('"x"', '"c"' if above else '"x"')
        )
        net = write(tmp_path, "net.prototxt", text + scale)
        made = protolint.deploy(
            net, weights, output=tmp_path / f"{above}", fold=True, isolated=True
        )
        given = np.einsum("oi,nihw->nohw", weight[..., 0, 0], DATA) if above else DATA
        wanted = slope * (given - mean) / np.sqrt(variance + 1e-5) + bias
        wanted = wanted * gain[:, None, None]
        found = protolint.run(*made.written, data=DATA, target="bvlc", isolated=True)["s"]
        assert found == pytest.approx(wanted, rel=1e-5, abs=1e-5)
        left = [layer.name for layer in made.net.layers]
        assert left == (["i", "c"] if above else ["i", "bn", "s"])
        shown = "'s' is not folded: 'bn' above becomes a Scale only now" in made.remarks
        assert shown is not above


def test_a_scale_below_one_that_only_becomes_a_scale_would_be_folded_into_what_it_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slope and a bias are not what the Scale multiplies by and adds, and mean and variance stay.

    Here the refusal is evaded: nothing says that the layer above is a BatchNorm.
    """
    gain = np.random.default_rng(5).standard_normal((1, 3, 1, 1)).astype(np.float32)
    model = load_schema("bvlc").message_class("NetParameter")(name="m")
    for name, kind, stored in (("bn", "BN", blobs(4)), ("s", "Scale", [gain.ravel()])):
        entry = model.layer.add(name=name, type=kind)
        for value in stored:
            entry.blobs.add().shape.dim.extend(value.shape)
            entry.blobs[-1].data.extend(value.ravel().tolist())
    scale = 'layer { name: "s" type: "Scale" bottom: "y" top: "s" }\n'
    net = write(tmp_path, "net.prototxt", NET % SLOPE + scale)
    weights = write(tmp_path, "net.caffemodel", model.SerializeToString())

    def made(folder: str) -> Deployment:
        to = tmp_path / folder
        return protolint.deploy(net, weights, output=to, fold=True, isolated=True, prove="none")

    done = made("right")
    assert "'s' is not folded: 'bn' above becomes a Scale only now" in done.remarks
    right = protolint.run(*done.written, data=DATA, target="bvlc", isolated=True)["s"]
    monkeypatch.setattr(
        "protolint.conversion.fold.measure_folds",
        lambda data, index, plan, _: measure_folds(data, index, plan, {}),
    )
    wrong = made("wrong")
    assert [layer.name for layer in wrong.net.layers] == ["i", "bn"]
    with pytest.raises(PairError, match="'bn' has 4 blobs in the weights, and 2 in the net"):
        protolint.run(*wrong.written, data=DATA, target="bvlc", isolated=True)
    factor, summand, *_ = blobs_of(Path(wrong.written[1]).read_bytes())["bn"]
    assert np.abs(DATA * factor + summand.reshape(factor.shape) - right).max() > 0.1
