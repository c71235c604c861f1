"""Two models on the same data: the first layer that differs, across names, layouts and Caffes."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

import protolint
from protolint.comparison.models import Model, compare_models
from protolint.execution.step import Array, ExecutionError
from tests.comparison.edits import converted, edited_pairs
from tests.conftest import SHARED

RANDOM = np.random.default_rng(3)
HEAD = "input: 'x' input_shape { dim: 2 dim: 3 dim: 6 dim: 6 }\n"
CONV = (
    "layer { name: '%s' type: 'Convolution' bottom: '%s' top: '%s'"
    " convolution_param { num_output: 4 kernel_size: 3 %s } }\n"
)
BN = "layer { name: 'bn' type: 'BatchNorm' bottom: 'c' top: 'b' %s }\n"
SCALE = "layer { name: 'sc' type: 'Scale' bottom: 'b' top: 's' scale_param { bias_term: true } }\n"
RELU = "layer { name: 'r' type: 'ReLU' bottom: '%s' top: 'r' }\n"


def uniform(*shape: int) -> Array:
    return RANDOM.uniform(0.5, 1.5, shape).astype(np.float32)


KERNEL, MEAN, VARIANCE, GAMMA, BETA = uniform(4, 3, 3, 3), *(uniform(4) for _ in range(4))
FACTOR = np.full(1, 7, np.float32)
APART = {
    "c": [KERNEL],
    "bn": [MEAN * 7, VARIANCE * 7, FACTOR],
    "sc": [GAMMA, BETA],
}


def model(text: str, weights: dict[str, list[Array]], target: str = "bvlc") -> Model:
    return Model(protolint.load(HEAD + text, target=target, cudnn=False), weights)


def plain() -> Model:
    return model(CONV % ("c", "x", "c", "bias_term: false") + BN % "" + SCALE + RELU % "s", APART)


def test_a_batchnorm_with_gamma_and_beta_is_one_with_its_scale() -> None:
    one = "batch_norm_param { scale_bias: true }"
    text = CONV % ("c", "x", "c", "bias_term: false") + BN % one + RELU % "b"
    weights = {"c": [KERNEL], "bn": [MEAN, VARIANCE, np.ones(1, np.float32), GAMMA, BETA]}
    other = model(text, weights, "nvidia-0.17")
    found = compare_models(plain(), other)
    assert found.equal, str(found)
    assert [(row.first.name, row.merged) for row in found.rows][1] == ("bn", ("sc",))
    assert compare_models(other, plain()).equal
    weights["bn"][3] = GAMMA * np.array([1, 1, 1.01, 1], np.float32)
    found = compare_models(plain(), model(text, weights, "nvidia-0.17"))
    assert found.first == "bn"


def test_a_folded_convolution_is_one_with_its_batchnorm_and_scale() -> None:
    gain = GAMMA / np.sqrt(VARIANCE + np.float32(1e-5))
    folded = [KERNEL * gain.reshape(4, 1, 1, 1), BETA - gain * MEAN]
    text = CONV % ("c", "x", "c", "") + RELU % "c"
    found = compare_models(plain(), model(text, {"c": folded}))
    assert found.equal
    assert found.alone == ((), ())
    assert compare_models(model(text, {"c": folded}), plain()).equal
    folded[1] = folded[1] + np.float32(0.1)
    assert compare_models(plain(), model(text, {"c": folded})).first in ("c", "bn")


def test_renamed_layers_and_blobs_are_found_by_their_place() -> None:
    text = CONV % ("one", "x", "o", "bias_term: false") + (BN % "").replace("'c'", "'o'")
    text = (text + SCALE + RELU % "s").replace("'b'", "'m'").replace("'bn'", "'norm'")
    weights = {"one": [KERNEL], "norm": APART["bn"], "sc": APART["sc"]}
    found = compare_models(plain(), model(text, weights))
    assert found.equal
    assert [row.second.name for row in found.rows] == ["one", "norm", "sc", "r"]


@pytest.mark.parametrize("gone", ["bn", "sc", "r"])
def test_a_layer_that_one_net_lacks_is_named(gone: str) -> None:
    first, weights = plain(), dict(APART)
    weights.pop(gone, None)
    text = CONV % ("c", "x", "c", "bias_term: false")
    text += BN % "" if gone != "bn" else ""
    text += SCALE.replace("'b'", "'c'" if gone == "bn" else "'b'") if gone != "sc" else ""
    text += RELU % ("b" if gone == "sc" else "s") if gone != "r" else ""
    second = model(text, weights)
    for found, net in ((compare_models(first, second), 0), (compare_models(second, first), 1)):
        assert found.difference is not None
        assert (found.first, found.difference.net) == (gone, net)


def test_rounding_may_grow_and_a_difference_may_not() -> None:
    first = plain()
    weights = {**APART, "c": [KERNEL * np.float32(1 + 3e-7)]}
    assert compare_models(first, Model(first.net, weights)).equal
    weights["c"] = [KERNEL * np.float32(1 + 1e-3)]
    found = compare_models(first, Model(first.net, weights))
    assert found.first == "c"
    assert not found.rows[-1].equal
    assert compare_models(first, Model(first.net, weights), tolerance=0.01).equal
    weights["c"] = [KERNEL * np.float32("nan")]
    assert compare_models(first, Model(first.net, weights)).first == "c"


def test_a_net_that_cannot_be_run_is_an_error_unless_it_differs_before() -> None:
    first = plain()
    crop = "layer { name: 'k' type: 'Crop' bottom: 'c' bottom: 'x' top: 'k' }\n"
    cut = model(CONV % ("c", "x", "c", "bias_term: false") + crop, {"c": [KERNEL]})
    with pytest.raises(ExecutionError, match="'k'"):
        compare_models(cut, cut)
    found = compare_models(first, cut._replace(weights={"c": [KERNEL * 2]}))
    assert found.first == "c"
    assert "'k'" in found.note


RESHAPED = (
    "layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'b'"
    " inner_product_param { num_output: 4 } }\n"
    "layer { name: 'four' type: 'Reshape' bottom: 'b' top: 'f'"
    " reshape_param { shape { dim: 0 dim: 0 dim: 1 dim: 1 } } }\n"
    "layer { name: 'bn' type: 'BatchNorm' bottom: 'f' top: 'g'"
    " batch_norm_param { scale_bias: true } }\n"
)


@pytest.mark.parametrize(
    ("end", "first"),
    [
        ("reshape_param { shape { dim: 0 dim: 0 } }", None),
        ("reshape_param { shape { dim: 0 dim: 2 dim: 2 } }", "two"),
        ("reshape_param { shape { dim: 1 dim: -1 } }", "two"),
    ],
)
def test_a_net_may_end_with_what_gives_a_blob_its_shape_back(end: str, first: str | None) -> None:
    inner = RESHAPED.split("layer { name: 'four'")[0]
    weights = {"ip": [uniform(4, 108), uniform(4)], "bn": APART["bn"], "sc": APART["sc"]}
    apart = model(inner + BN.replace("'c'", "'b'") % "" + SCALE, weights)
    merged = {"ip": weights["ip"], "bn": [MEAN, VARIANCE, np.ones(1, np.float32), GAMMA, BETA]}
    last = f"layer {{ name: 'two' type: 'Reshape' bottom: 'g' top: 'y' {end} }}\n"
    other = model(RESHAPED + last, merged, "nvidia-0.17")
    for models in ((apart, other), (other, apart)):
        found = compare_models(*models)
        assert found.first == first, str(found)


def test_dropout_and_labels_are_no_difference() -> None:
    drop = "layer { name: 'd' type: 'Dropout' bottom: 'r' top: 'r' }\n"
    text = CONV % ("c", "x", "c", "bias_term: false") + BN % "" + SCALE + RELU % "s" + drop
    loss = "layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'r' bottom: 'y' top: 'l' }\n"
    label = "input: 'y' input_shape { dim: [2, 1, 4, 4] }\n"
    assert compare_models(plain(), model(text, APART)).equal
    assert compare_models(plain(), model(label + text + loss, APART)).equal


@pytest.mark.parametrize("name", ["bvlc", "nvidia-0.15", "ssd"])
def test_the_layer_that_an_edit_is_about_is_named(name: str, tmp_path: Path) -> None:
    archive = SHARED / "oracle" / "runs" / f"runs-{name}.zip"
    if not archive.exists():
        pytest.skip("the runs of real builds are not beside this checkout")
    moved = 0
    for made in islice(edited_pairs(archive, tmp_path, name, seed=2), 0, 40, 5):
        across = converted(made, tmp_path, "bvlc" if name != "bvlc" else "nvidia-0.17")
        moved += across is not None
        for pair in (made, across or made):
            assert _first(pair.first, pair.second, pair.data) == pair.layer, (pair.name, pair.edit)
    assert moved or name == "ssd"


def _first(first: Model, second: Model, data: dict[str, Array]) -> str | None:
    return compare_models(first, second, data).first
