"""Memory is shared where Caffe shares it, and nowhere else; what layers do in odd cases."""

from __future__ import annotations

import numpy as np
import pytest

import protolint
from protolint.execution.executor import FUNCTIONS, Executor
from protolint.execution.step import Array, ExecutionError
from protolint.layers.states import NetState

INPUT = """\
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 2 dim: 2 } } }
"""
X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 2, 2)


def blobs(
    text: str,
    target: str = "bvlc",
    weights: dict[str, list[Array]] | None = None,
    phase: str = "TEST",
) -> dict[str, Array]:
    net = protolint.load(INPUT + text, target=target, cudnn=False)
    return Executor(net, weights or {}, NetState(phase)).forward({"x": X})


def test_an_in_place_layer_changes_what_shares_the_memory() -> None:
    found = blobs("""\
layer { name: "flat" type: "Flatten" bottom: "x" top: "y" }
layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }
""")
    assert np.array_equal(found["x"], np.maximum(X, 0))
    assert np.array_equal(found["y"], np.maximum(X, 0).reshape(2, 12))


@pytest.mark.parametrize("kind", ["Dropout", "Permute", "Slice", "Crop"])
def test_a_copy_is_a_copy(kind: str) -> None:
    tops = 'top: "y" top: "z" top: "w"' if kind == "Slice" else 'top: "y"'
    more = 'bottom: "x"' if kind == "Crop" else ""
    target = "nvidia-0.17" if kind == "Permute" else "bvlc"
    found = blobs(
        f'layer {{ name: "a" type: "{kind}" bottom: "x" {more} {tops} }}\n'
        'layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }\n',
        target,
    )
    assert np.array_equal(found["x"], X)


@pytest.mark.parametrize("target", ["bvlc", "nvidia-0.17"])
def test_a_sum_lands_in_its_first_bottom_where_memory_is_shared(target: str) -> None:
    text = """\
layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { scale: 2 } }
layer { name: "q" type: "Power" bottom: "x" top: "q" power_param { scale: 3 } }
layer { name: "sum" type: "Eltwise" bottom: "p" bottom: "q" top: "s" }
"""
    found = blobs(text, target)
    assert np.allclose(found["s"], 5 * X)
    assert np.allclose(found["p"], (5 if target == "nvidia-0.17" else 2) * X)
    if target == "nvidia-0.17":
        kept = blobs("eltwise_mem_sharing: false\n" + text, target)
        assert np.allclose(kept["p"], 2 * X)


def test_a_sum_in_place_loses_the_bottom_that_it_clears() -> None:
    found = blobs("""\
layer { name: "p" type: "Power" bottom: "x" top: "p" power_param { scale: 2 } }
layer { name: "sum" type: "Eltwise" bottom: "p" bottom: "x" top: "p" }
""")
    assert np.array_equal(found["p"], X)


def test_parameters_of_one_name_are_one_blob() -> None:
    text = """\
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
layer { name: "b" type: "InnerProduct" bottom: "x" top: "b" param { name: "w" }
  inner_product_param { num_output: 2 bias_term: false } }
"""
    first, last = (np.full((2, 12), value, np.float32) for value in (1, 2))
    found = blobs(text, weights={"a": [first], "b": [last]})
    # The last layer that the file has values for gives them to both.
    assert np.array_equal(found["a"], found["b"])
    assert np.allclose(found["a"], 2 * X.reshape(2, -1).sum(1, keepdims=True), atol=1e-5)


def test_a_random_input_is_the_same_each_time() -> None:
    net = protolint.load(INPUT)
    first, second = (Executor(net, {}, NetState("TEST")).forward({})["x"] for _ in range(2))
    assert np.array_equal(first, second)
    assert first.std() > 0.5


def test_an_argmax_of_equal_values_takes_the_last() -> None:
    text = 'layer { name: "m" type: "ArgMax" bottom: "x" top: "m" argmax_param { axis: 1 } }\n'
    net = protolint.load(INPUT + text)
    found = Executor(net, {}, NetState("TEST")).forward({"x": np.zeros((2, 3, 2, 2))})["m"]
    assert (found == 2).all()


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        ('type: "Im2col" convolution_param { kernel_size: 9 }', "does not fit"),
        (
            'type: "Pooling" pooling_param { kernel_size: 2 pool: STOCHASTIC }',
            "no code for the CPU",
        ),
        ('type: "Reshape" reshape_param { shape { dim: 5 dim: -1 } }', "cannot be"),
        ('type: "Eltwise" bottom: "gone"', "nothing writes its bottom 'gone'"),
        ('type: "Scale"', "no weights are given for a layer of this name"),
        ('type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }', "no code for the CPU"),
    ],
)
def test_what_cannot_be_run_names_the_layer(layer: str, problem: str) -> None:
    with pytest.raises(ExecutionError, match=f"layer 'odd' .*{problem}"):
        blobs(f'layer {{ name: "odd" bottom: "x" top: "y" {layer} }}\n')


def test_a_batchnorm_of_another_caffe_says_so() -> None:
    text = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'
    ones = np.ones(3, np.float32)
    with pytest.raises(ExecutionError, match=r"5 blobs for it, and BVLC Caffe .* has 3"):
        blobs(text, weights={"bn": [ones, ones, ones, ones, ones[:1]]})


def test_an_upsample_puts_the_maxima_back() -> None:
    text = """\
layer { name: "p" type: "Pooling" bottom: "x" top: "p" top: "mask"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "u" type: "Upsample" bottom: "p" bottom: "mask" top: "u" upsample_param { scale: 2 } }
"""
    found = blobs(text)["u"]
    assert np.array_equal(found, np.where(X.max((2, 3), keepdims=True) == X, X, 0))
    # Of three rows and columns the last window has one: pad_out makes it three again.
    data = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    odd = "input: 'x' input_dim: [1, 1, 3, 3]\n" + text
    for parameters in (
        "scale: 2 pad_out_h: true pad_out_w: true",
        "scale_h: 3 scale_w: 3 upsample_h: 3 upsample_w: 3",
    ):
        net = protolint.load(odd.replace("scale: 2 }", f"{parameters} }}"))
        made = Executor(net, {}, NetState("TEST")).forward({"x": data})["u"]
        assert made.tolist() == [[[[0, 0, 0], [0, 4, 5], [0, 7, 8]]]]


def test_what_cannot_be_run_can_be_given() -> None:
    net = protolint.load(
        INPUT
        + """\
layer { name: "p" type: "Python" bottom: "x" top: "rois" python_param { module: "m" layer: "L" } }
layer { name: "s" type: "Power" bottom: "rois" top: "s" power_param { scale: 2 } }
"""
    )
    executor = Executor(net, {}, NetState("TEST"))
    with pytest.raises(
        ExecutionError, match=r"'p' is of type 'Python', .* give 'rois' with --data"
    ):
        executor.forward({"x": X})
    assert (executor.forward({"x": X, "rois": np.ones((1, 5))})["s"] == 2).all()


def test_layers_of_the_oldest_form_are_run() -> None:
    text = """\
input: "x" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4
layers { layer { name: "pad" type: "padding" pad: 1 } bottom: "x" top: "xp" }
layers { layer { name: "c" type: "conv" num_output: 2 kernelsize: 3 biasterm: false }
  bottom: "xp" top: "c" }
layers { layer { name: "p" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "c" top: "p" }
"""
    weights = {"c": [np.ones((2, 3, 3, 3), np.float32)]}
    executor = Executor(protolint.load(text), weights, NetState("TEST"))
    found = executor.forward({"x": np.ones((1, 3, 4, 4))})
    assert found["c"].shape == (1, 2, 4, 4)
    assert found["c"][0, 0].tolist()[0] == [12, 18, 18, 12]
    assert found["p"][0, 0].tolist() == [[18.75, 18.75], [18.75, 18.75]]


def test_a_v1_layer_has_the_defaults_of_what_its_form_cannot_say() -> None:
    text = (
        "input: 'x' input_dim: [1, 2, 1, 2]\n"
        "layers { name: 'f' type: FLATTEN bottom: 'x' top: 'f' }\n"
    )
    data = np.arange(4, dtype=np.float32).reshape(1, 2, 1, 2)
    found = Executor(protolint.load(text), {}, NetState("TEST")).forward({"x": data})["f"]
    assert found.tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "InnerProduct", "Embed"])
def test_a_layer_without_outputs_says_so(kind: str) -> None:
    field = {"InnerProduct": "inner_product_param", "Embed": "embed_param"}.get(kind)
    parameters = f"{field or 'convolution_param'} {{ {'kernel_size: 1' if field is None else ''} }}"
    text = f'layer {{ name: "l" type: "{kind}" bottom: "x" top: "l" {parameters} }}\n'
    with pytest.raises(ExecutionError, match=f"'l' \\({kind}\\): it has no num_output"):
        blobs(text)


def test_enough_types_can_be_run() -> None:
    assert len(FUNCTIONS) >= 60


def test_a_large_image_is_convolved_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """\
layer { name: "c" type: "Convolution" bottom: "x" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 pad: 2 stride: 2 dilation: 2 } }
"""
    net = protolint.load("input: 'x' input_dim: [2, 3, 31, 17]\n" + text)
    random = np.random.default_rng(0)
    weights = {"c": [random.random((4, 3, 3, 3), np.float32), np.ones(4, np.float32)]}
    data = {"x": random.random((2, 3, 31, 17), np.float32)}
    whole = Executor(net, weights, NetState("TEST")).forward(data)["c"]
    monkeypatch.setattr("protolint.execution.convolution._STRIP", 500)
    parts = Executor(net, weights, NetState("TEST")).forward(data)["c"]
    assert whole.shape == (2, 4, 16, 9)
    np.testing.assert_allclose(parts, whole, rtol=1e-6)
