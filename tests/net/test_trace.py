"""Where a blob comes from, how many axes and channels it has, and who learns above it."""

from __future__ import annotations

import pytest

from protolint.caffe.dialects import DIALECTS
from protolint.net.learning import learners, learns
from protolint.net.net import Net
from protolint.net.trace import UNKNOWN, Shape, origins, shapes
from protolint.net.view import View
from protolint.source import Source
from protolint.workspace.reading import Readings

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 6, 8, 8] } } }\n'


def read(text: str, dialect: str = "bvlc") -> tuple[Net, View]:
    (net,) = Readings.of(Source("net.prototxt", text.encode())).read(DIALECTS[dialect]).nets
    return net, net.views[0]


def shape_of(text: str, dialect: str = "bvlc") -> Shape:
    """The shape of the first top of the last layer."""
    net, view = read(text, dialect)
    return shapes(net, view)[view.tops[net.layers[-1].index][0]]


def layer(type: str, parameter: str = "", bottom: str = "x") -> str:
    return f'layer {{ name: "l" type: "{type}" bottom: "{bottom}" top: "y" {parameter} }}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (INPUT, (4, 6)),
        ('input: "x" input_dim: [1, 3, 8, 8]\n' + layer("ReLU"), (4, 3)),
        ('input: "x" input_shape { dim: 1 dim: 7 }\n' + layer("ReLU"), (2, 7)),
        ('input: "x" input_shape { dim: 9 }\n' + layer("ReLU"), (1, None)),
        ('input: "x" input_dim: [1, 3, 8]\n' + layer("ReLU"), (None, None)),
        ('input: "x" input_dim: [1, 0, 8, 8]\n' + layer("ReLU"), (4, None)),
        ('layer { name: "i" type: "Input" top: "x" }', (None, None)),
        ('layer { type: "DummyData" top: "x" dummy_data_param { num: 1 channels: 5 } }', (4, 5)),
        ('layer { type: "MemoryData" top: "x" memory_data_param { channels: 3 } }', (4, 3)),
        ('layer { name: "d" type: "Data" top: "x" }', (4, None)),
        ('layer { name: "d" type: "HDF5Data" top: "x" }', (None, None)),
        ('layer { name: "d" type: "Python" top: "x" }', (None, None)),
        (layer("ReLU", bottom="nothing"), (None, None)),
    ],
)  # fmt: skip
def test_declared_shapes(text: str, expected: tuple[int | None, int | None]) -> None:
    assert shape_of(text) == Shape(*expected)


@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("BatchNorm", "", (4, 6)),
        ("Convolution", "convolution_param { num_output: 8 }", (4, 8)),
        ("Deconvolution", "convolution_param { num_output: 8 }", (4, 8)),
        ("Convolution", "convolution_param { num_output: 8 axis: -3 }", (4, 8)),
        ("Convolution", "convolution_param { num_output: 8 axis: 2 }", (4, None)),
        ("Convolution", "", (4, None)),
        ("Pooling", "pooling_param { global_pooling: true }", (4, 6)),
        ("InnerProduct", "inner_product_param { num_output: 9 }", (2, 9)),
        ("InnerProduct", "inner_product_param { num_output: 9 axis: 3 }", (4, 6)),
        ("InnerProduct", "inner_product_param { num_output: 9 axis: -2 }", (3, 6)),
        ("InnerProduct", "inner_product_param { num_output: 9 axis: 0 }", (1, None)),
        ("InnerProduct", "", (2, None)),
        ("Flatten", "", (2, None)),
        ("Flatten", "flatten_param { axis: 2 }", (3, 6)),
        ("Flatten", "flatten_param { axis: 1 end_axis: 2 }", (3, None)),
        ("Flatten", "flatten_param { axis: -2 end_axis: -2 }", (4, 6)),
        ("Flatten", "flatten_param { axis: 3 end_axis: 1 }", (None, None)),
        ("Reshape", "reshape_param { shape { dim: [0, -1] } }", (2, None)),
        ("Reshape", "reshape_param { shape { dim: [0, 0, 1, -1] } }", (4, 6)),
        ("Reshape", "reshape_param { shape { dim: [0, 3, 2, -1] } }", (4, 3)),
        ("Reshape", "reshape_param { shape { dim: -1 } axis: 2 }", (3, 6)),
        ("Reshape", "reshape_param { shape { dim: [1, -1] } axis: 1 num_axes: 1 }", (5, 1)),
        ("Reshape", "reshape_param { shape { dim: [1] } axis: -1 num_axes: 0 }", (5, 6)),
        ("Reshape", "reshape_param { shape { dim: [2] } num_axes: 1 }", (4, None)),
        ("Reshape", "", (None, None)),
        ("Reduction", "", (0, None)),
        ("Reduction", "reduction_param { axis: 2 }", (2, 6)),
        ("Reduction", "reduction_param { axis: -1 }", (3, 6)),
        ("Slice", "", (4, None)),
        ("Slice", "slice_param { axis: 2 }", (4, 6)),
        ("Slice", "slice_param { slice_dim: 3 }", (4, 6)),
        ("Crop", "", (4, 6)),
        ("Crop", "crop_param { axis: 1 }", (4, None)),
        ("Permute", "", (None, None)),
        ("Python", "", (None, None)),
    ],
)
def test_shape_below_a_layer(
    type: str, parameter: str, expected: tuple[int | None, int | None]
) -> None:
    assert shape_of(INPUT + layer(type, parameter)) == Shape(*expected)


@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("InnerProduct", "inner_product_param { num_output: 9 }", Shape(2, 9)),
        ("InnerProduct", "inner_product_param { num_output: 9 axis: -1 }", UNKNOWN),
        ("Flatten", "", Shape(2)),
        ("Flatten", "flatten_param { axis: -2 }", UNKNOWN),
        ("Reshape", "reshape_param { shape { dim: [0, 1] } }", Shape(2, 1)),
        ("Reshape", "reshape_param { shape { dim: [0, 1] } num_axes: 2 }", UNKNOWN),
        ("Reshape", "reshape_param { shape { dim: 1 } axis: -1 }", UNKNOWN),
        ("Reduction", "reduction_param { axis: -1 }", UNKNOWN),
        ("Pooling", "", Shape(4)),
        ("Convolution", "convolution_param { num_output: 8 }", Shape(None, 8)),
    ],
)
def test_shape_below_an_unknown_blob(type: str, parameter: str, expected: Shape) -> None:
    top = 'layer { name: "d" type: "HDF5Data" top: "x" }\n'
    assert shape_of(top + layer(type, parameter)) == expected


def test_concat_adds_channels_and_eltwise_keeps_them() -> None:
    two = INPUT + layer("Convolution", "convolution_param { num_output: 8 }")
    join = 'layer { name: "j" type: "%s" bottom: "x" bottom: "y" top: "z" %s }\n'
    assert shape_of(two + join % ("Concat", "")) == Shape(4, 14)
    assert shape_of(two + join % ("Concat", "concat_param { axis: -3 }")) == Shape(4, 14)
    assert shape_of(two + join % ("Concat", "concat_param { axis: 2 }")) == Shape(4, 6)
    assert shape_of(two + join % ("Eltwise", "")) == Shape(4, 6)
    unknown = INPUT + 'layer { name: "d" type: "Data" top: "y" }\n'
    assert shape_of(unknown + join % ("Concat", "")) == Shape(4)
    apart = join.replace('"x" bottom: "y"', '"p" bottom: "q"')
    assert shape_of(apart % ("Concat", "concat_param { axis: -3 }")) == UNKNOWN


def test_inputs_take_one_shape_or_one_each() -> None:
    one = (
        'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { dim: [1, 2] } } }'
    )
    two = one.replace("} } }", "} shape { dim: [1, 5, 3] } } }")
    for text, expected in ((one, (2, 2)), (two, (3, 5))):
        net, view = read(text)
        assert shapes(net, view)[view.tops[0][1]] == Shape(*expected)


def test_the_label_of_a_data_layer_is_unknown() -> None:
    net, view = read('layer { name: "d" type: "Data" top: "data" top: "label" }')
    assert shapes(net, view)[view.tops[0][1]] == UNKNOWN


def test_chain_leads_to_the_layer_that_makes_the_shape() -> None:
    chain = "".join(layer(kind, bottom="y") for kind in ("BatchNorm", "Scale", "ReLU"))
    net, view = read(INPUT + layer("Convolution") + chain)
    top = view.tops[net.layers[-1].index][0]
    origin = origins(view)[top]
    assert origin.producer is net.layers[1]
    assert origins(view)[view.bottoms[1][0]].producer is net.layers[0]  # type: ignore[index]


def test_chain_may_end_at_an_input_or_at_nothing() -> None:
    net, view = read('input: "x" input_dim: [1, 3, 8, 8]\n' + layer("ReLU"))
    assert origins(view)[view.tops[0][0]].producer is None
    net, view = read(layer("ReLU", bottom="nothing"))
    assert origins(view)[view.tops[0][0]].producer is net.layers[0]


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        (layer("Convolution"), "bvlc", True),
        (layer("Convolution", "param { lr_mult: 0 }"), "bvlc", True),
        (layer("Convolution", "param { lr_mult: 0 } param { lr_mult: 0 }"), "bvlc", False),
        (layer("Convolution", "param { lr_mult: 0 } convolution_param { bias_term: false }"),
         "bvlc", False),
        (layer("Scale", "param { lr_mult: 0 }"), "bvlc", False),
        (layer("Scale", "param { lr_mult: 0 } scale_param { bias_term: true }"), "bvlc", True),
        (layer("Scale", 'bottom: "z"'), "bvlc", False),
        (layer("Bias"), "bvlc", True),
        (layer("PReLU"), "bvlc", True),
        (layer("ReLU"), "bvlc", False),
        (layer("Python"), "bvlc", False),
        (layer("BatchNorm"), "bvlc", False),
        (layer("BatchNorm"), "nvidia-0.15", True),
        (layer("BatchNorm", "param { lr_mult: 0 } param { lr_mult: 0 }"), "nvidia-0.15", False),
    ],
)  # fmt: skip
def test_who_learns(text: str, dialect: str, expected: bool) -> None:
    net, _ = read(text, dialect)
    assert learns(net, net.layers[0]) is expected


def test_nearest_learner_above_unless_the_gradient_is_stopped() -> None:
    net, view = read(
        INPUT
        + 'layer { name: "c" type: "Convolution" bottom: "x" top: "c" }\n'
        + 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }\n'
        + 'layer { name: "s" type: "Flatten" bottom: "c" top: "s" propagate_down: false }\n'
    )
    found = learners(net, view)
    assert [found[view.tops[i][0]] for i in range(4)] == [None, *net.layers[1:2] * 2, None]
