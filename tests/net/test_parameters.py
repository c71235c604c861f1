"""The learnable blobs of each layer: as Caffes held them, and as sums that are well known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from protolint.caffe.build import Build
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.net.parameters import Parameter, parameters
from protolint.net.summary import NetSummary, summarise
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.target import infer_target
from tests.golden import DIALECT_OF, ROOTS

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 6, 9, 8] } } }\n'


def read(text: str, dialect: str = "bvlc", *, cudnn: bool = True) -> Net:
    readings = Readings.of(Source("net.prototxt", text.encode()), Build(cudnn=cudnn))
    (net,) = readings.read(DIALECTS[dialect]).nets
    return net


def found(text: str, dialect: str = "bvlc", *, cudnn: bool = True) -> tuple[Parameter, ...] | None:
    """The parameters of the last layer."""
    net = read(text, dialect, cudnn=cudnn)
    view = net.views[0]
    last = view.layers[-1]
    return parameters(net, view)[last.index]


def shown(text: str, dialect: str = "bvlc", *, cudnn: bool = True) -> str:
    """Roles and shapes in a line."""
    blobs = found(text, dialect, cudnn=cudnn)
    return "?" if blobs is None else ", ".join(f"{blob.role} {blob.shape}" for blob in blobs)


def layer(type: str, parameter: str = "", bottom: str = "x") -> str:
    bottoms = " ".join(f'bottom: "{name}"' for name in bottom.split())
    return f'layer {{ name: "l" type: "{type}" {bottoms} top: "y" {parameter} }}\n'


@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }",
         "weights 4x6x3x3, bias 4"),
        ("Convolution", "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 1 group: 2 }",
         "weights 4x3x3x1, bias 4"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 1 bias_term: false }",
         "weights 4x6x1x1"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 4 }",
         "weights 4x?x3x3, bias 4"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 axis: 2 }",
         "weights 4x9x3, bias 4"),
        ("Convolution", "", "weights ?x6x?x?, bias ?"),
        ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 2 group: 2 }",
         "weights 6x2x2x2, bias 4"),
        ("InnerProduct", "inner_product_param { num_output: 5 }", "weights 5x432, bias 5"),
        ("InnerProduct", "inner_product_param { num_output: 5 axis: -1 transpose: true }",
         "weights 8x5, bias 5"),
        ("Embed", "embed_param { num_output: 5 input_dim: 100 bias_term: false }",
         "weights 100x5"),
        ("Scale", "", "scale 6"),
        ("Scale", "scale_param { bias_term: true axis: 2 num_axes: 2 }", "scale 9x8, bias 9x8"),
        ("Scale", "scale_param { axis: 2 num_axes: -1 }", "scale 9x8"),
        ("Scale", "scale_param { num_axes: 0 }", "scale scalar"),
        ("Scale", "scale_param { num_axes: 9 }", "scale ?"),
        ("Scale", "scale_param { num_axes: 2000000000 }", "scale ?"),
        ("Bias", "bias_param { axis: 0 num_axes: 2 }", "bias 2x6"),
        ("PReLU", "", "slope 6"),
        ("PReLU", "prelu_param { channel_shared: true }", "slope scalar"),
        ("Parameter", "parameter_param { shape { dim: [3, 4] } }", "values 3x4"),
        ("Parameter", "", "values ?"),
        ("BatchNorm", "", "mean 6, variance 6, factor 1"),
        ("ReLU", "", ""),
        ("Normalize", "", "?"),
        ("Python", "", "?"),
        ("RoiAlign", "", "?"),
    ],
)  # fmt: skip
def test_blobs_of_a_layer(type: str, parameter: str, expected: str) -> None:
    assert shown(INPUT + layer(type, parameter)) == expected


def test_a_second_bottom_stands_for_the_first_blob() -> None:
    two = INPUT + layer("Scale", "scale_param { bias_term: true }", "x x")
    assert shown(two) == "bias 2x6x9x8"
    assert shown(INPUT + layer("Bias", "", "x x")) == ""


def test_normalize_of_nvidia_17() -> None:
    assert shown(INPUT + layer("Normalize"), "nvidia-0.17") == "scale scalar"
    channels = layer("Normalize", "norm_param { channel_shared: false }")
    assert shown(INPUT + channels, "nvidia-0.17") == "scale 6"


def test_recurrent_layers() -> None:
    begin = (
        'layer { name: "i" type: "Input" top: "x" top: "c" top: "s" input_param { '
        "shape { dim: [10, 3, 4, 5] } shape { dim: [10, 3] } shape { dim: [3, 9] } } }\n"
    )
    size = "recurrent_param { num_output: 7 %s }"
    lstm = "W_xc 28x20, b_c 28, W_hc 28x7"
    assert shown(begin + layer("LSTM", size % "", "x c")) == lstm
    static = "W_xc 28x20, b_c 28, W_xc_static 28x9, W_hc 28x7"
    assert shown(begin + layer("LSTM", size % "", "x c s")) == static
    exposed = size % "expose_hidden: true"
    assert shown(begin + layer("LSTM", exposed, "x c s s")) == lstm
    rnn = "W_xh 7x20, b_h 7, W_hh 7x7, W_ho 7x7, b_o 7"
    assert shown(begin + layer("RNN", size % "", "x c")) == rnn
    assert shown(begin + layer("LSTM", size % "", "x c"), "nvidia-0.16") == "?"


_14 = "gamma 1x6x1x1, beta 1x6x1x1, reserved 1x1x1x1, mean 1x6x1x1, variance 1x6x1x1"
_FIVE = "gamma {0}, beta {0}, mean {0}, variance {0}, reserved {1}"


@pytest.mark.parametrize(
    ("dialect", "cudnn", "parameter", "expected"),
    [
        ("nvidia-0.14", False, "", "mean 6, variance 6, factor 1"),
        ("nvidia-0.14", True, "", _14),
        ("nvidia-0.15", False, "", _FIVE.format("6", "1")),
        ("nvidia-0.15", True, "", _FIVE.format("1x6x1x1", "1x1x1x1")),
        ("nvidia-0.15", True, "engine: CAFFE", _FIVE.format("6", "1")),
        ("nvidia-0.16", True, "", "mean 6, variance 6, factor 1"),
        ("nvidia-0.17", True, "scale_bias: true",
         "mean 6, variance 6, factor 1, gamma 6, beta 6"),
        ("nvidia-0.17", False, "scale_filler { }",
         "mean 6, variance 6, factor 1, gamma 6, beta 6"),
    ],
)  # fmt: skip
def test_batchnorm_by_dialect(dialect: str, cudnn: bool, parameter: str, expected: str) -> None:
    text = 'input: "x" input_dim: [2, 6, 9, 8]\n'
    text += layer("BatchNorm", f"batch_norm_param {{ {parameter} }}")
    assert shown(text, dialect, cudnn=cudnn) == expected


def test_batchnorm_of_one_axis_has_one_channel() -> None:
    assert shown('input: "x" input_shape { dim: 5 }\n' + layer("BatchNorm")) == (
        "mean 1, variance 1, factor 1"
    )


@pytest.mark.parametrize(
    ("dialect", "text", "expected"),
    [
        ("bvlc", layer("Scale", "scale_param { bias_term: true } param { lr_mult: 0.5 }"),
         [0.5, 1]),
        ("bvlc", layer("BatchNorm"), [0, 0, 0]),
        ("bvlc", layer("BatchNorm", "param { lr_mult: 1 } " * 3), [0, 0, 0]),
        ("nvidia-0.15", layer("BatchNorm", "param { lr_mult: 2 } param { lr_mult: 3 }"),
         [2, 3, 1, 1, 1]),
        ("nvidia-0.17", layer("BatchNorm", "batch_norm_param { scale_bias: true } "
                              + "param { lr_mult: 2 } " * 5), [0, 0, 0, 1, 1]),
        ("bvlc", 'layers { type: CONVOLUTION bottom: "x" top: "y" blobs_lr: 0.25 }', [0.25, 1]),
        ("bvlc", 'layers { layer { type: "conv" blobs_lr: 3 blobs_lr: 4 } bottom: "x" top: "y" }',
         [3, 4]),
    ],
)  # fmt: skip
def test_the_rate_that_holds(dialect: str, text: str, expected: list[float]) -> None:
    blobs = found('input: "x" input_dim: [2, 6, 9, 8]\n' + text, dialect)
    assert blobs is not None
    assert [blob.lr_mult for blob in blobs] == expected


def test_shared_blobs_count_once() -> None:
    shared = (
        'layer { name: "%s" type: "InnerProduct" bottom: "x" top: "%s" '
        'inner_product_param { num_output: 5 } param { name: "w" } param { } }\n'
    )
    net = read(INPUT + shared % ("a", "a") + shared % ("b", "b"))
    totals = summarise(net, net.views[0], {}).totals
    assert totals.learnable == 5 * 432 + 5 + 5
    old = (
        'layers { name: "%s" type: INNER_PRODUCT bottom: "x" top: "%s" param: "w" param: "b" '
        "inner_product_param { num_output: 5 } }\n"
    )
    net = read('input: "x" input_dim: [2, 6, 9, 8]\n' + old % ("a", "a") + old % ("b", "b"))
    assert summarise(net, net.views[0], {}).totals.learnable == 5 * 432 + 5


def test_totals_say_what_is_not_known() -> None:
    data = 'layer { name: "d" type: "Data" top: "x" }\n'
    net = read(data + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }"))
    totals = summarise(net, net.views[0], {}).totals
    assert (totals.layers, totals.learnable, totals.unknown) == (2, 4, 1)
    given = {"x": Shape.of((None, 3, None, None))}
    totals = summarise(net, net.views[0], given).totals
    assert (totals.learnable, totals.unknown) == (16, 0)


# What a BatchNorm is in a state.


@pytest.mark.parametrize(
    ("dialect", "cudnn", "parameter", "expected"),
    [
        ("bvlc", True, "", ("CAFFE", False, 1e-5, True)),
        ("bvlc", True, "eps: 1e-7", ("CAFFE", False, 1e-7, True)),
        ("bvlc", True, "use_global_stats: true", ("CAFFE", False, 1e-5, False)),
        ("nvidia-0.14", True, "eps: 0.1 use_global_stats: true", ("CUDNN", True, 1e-4, True)),
        ("nvidia-0.14", False, "eps: 0.1", ("CAFFE", False, 0.1, True)),
        ("nvidia-0.15", True, "eps: 1e-7", ("CUDNN", True, 1e-5, True)),
        ("nvidia-0.15", False, "eps: 1e-7", ("CAFFE", True, 1e-7, True)),
        ("nvidia-0.16.1", True, "", ("CUDNN", False, 1e-4, True)),
        ("nvidia-0.17", False, "eps: 1e-7 scale_bias: true", ("CAFFE", True, 1e-5, True)),
    ],
)  # fmt: skip
def test_batchnorm_summary(
    dialect: str, cudnn: bool, parameter: str, expected: tuple[str, bool, float, bool]
) -> None:
    data = 'layer { name: "d" type: "Data" top: "x" }\n'
    text = data + layer("BatchNorm", f"batch_norm_param {{ {parameter} }}")
    net = read(text, dialect, cudnn=cudnn)
    batchnorm = summarise(net, net.views[0], {}).layers[1].batchnorm
    assert batchnorm is not None
    engine, affine, eps, batch = expected
    assert (batchnorm.engine, batchnorm.affine) == (engine, affine)
    assert batchnorm.eps == pytest.approx(eps)
    assert batchnorm.batch_statistics is batch
    assert batchnorm.average == 0.999


def test_batchnorm_and_its_scale_know_each_other() -> None:
    scale = 'layer { name: "s" type: "Scale" bottom: "y" top: "y" }\n'
    norm = layer("BatchNorm", "batch_norm_param { moving_average_fraction: 0.9 }")
    net = read(INPUT + norm + scale)
    _, first, second = summarise(net, net.views[0], {}).layers
    assert first.batchnorm is not None
    assert first.batchnorm.scale is second.layer
    assert first.batchnorm.average == 0.9
    assert not first.batchnorm.batch_statistics
    assert second.scales is first.layer


# Against the frameworks: the blobs that they held, and those in weight files.


def blobs_of(summary: NetSummary) -> dict[str, list[tuple[int | None, ...]]]:
    return {
        entry.layer.name: [blob.shape.dims for blob in entry.parameters]
        for entry in summary.layers
        if entry.parameters
    }


METAS = [
    pytest.param(path, id=f"{root.parent.name}-{path.relative_to(root)}")
    for root in ROOTS
    for path in sorted(root.glob("*/*.meta.json"))
]


@pytest.mark.parametrize("path", METAS)
def test_blobs_are_those_that_the_framework_held(path: Path) -> None:
    meta = json.loads(path.read_text("utf-8"))
    name = path.name.split(".")[0]
    prototxts = [path.parent / f"{name}{end}.prototxt" for end in (".deploy", "")]
    text = next(p for p in prototxts if p.exists()).read_text("utf-8")
    # They were built without cuDNN.
    net = read(text, DIALECT_OF[path.parent.name], cudnn=False)
    held = {n: [tuple(blob) for blob in entry["blobs"]] for n, entry in meta["layers"].items()}
    ours = blobs_of(summarise(net, net.views[-1], {}))
    assert ours == {name: blobs for name, blobs in held.items() if blobs}


def weights(path: Path) -> Any:
    message = load_schema("bvlc").message_class("NetParameter")()
    message.ParseFromString(path.read_bytes())
    return message


def dims_of(blob: Any) -> tuple[int, ...]:
    """The shape of a stored blob; older files have four numbers."""
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    return (blob.num, blob.channels, blob.height, blob.width)


def agree(ours: tuple[int | None, ...], stored: tuple[int, ...]) -> bool:
    """Whether a shape is the stored one; axes of size 1 may stand before it."""
    padded = (*[1] * (len(stored) - len(ours)), *ours)
    return len(padded) == len(stored) and all(
        size in (None, dim) for size, dim in zip(padded, stored, strict=True)
    )


@pytest.mark.parametrize(
    "name",
    [
        "lenet-mnist", "mobilenetv2-yolov3-nano", "mtcnn-det1", "mtcnn-det2", "vgg68-bn",
        "vgg68-merged", "wechat-detect", "wechat-sr", "yoloface-100k",
    ],
)  # fmt: skip
def test_public_weights_have_these_blobs(name: str, corpus: Path) -> None:
    path = corpus / "models" / f"{name}.prototxt"
    readings = Readings.of(Source(path.name, path.read_bytes()))
    (net,) = readings.read(infer_target(readings).dialect).nets
    ours = blobs_of(summarise(net, net.views[-1], {}))
    compared = 0
    for stored in weights(path.with_suffix(".caffemodel")).layer:
        for blob, dims in zip(stored.blobs, ours.get(stored.name, []), strict=False):
            assert agree(dims, dims_of(blob)), stored.name
            compared += None not in dims
    assert compared >= 8


# Against numbers of parameters that are published: those of torchvision's models, which have
# no statistics among them; ResNet-50 of the Caffe authors has one bias of 64 more.
TOTALS = [
    ("074_deep-residual-networks-prototxt-resnet-50-deploy", 25_557_032 + 64),
    ("072_deep-residual-networks-prototxt-resnet-101-deploy", 44_549_160),
    ("073_deep-residual-networks-prototxt-resnet-152-deploy", 60_192_808),
    ("110_densenet-caffe-densenet-121", 7_978_856),
    ("111_densenet-caffe-densenet-161", 28_681_000),
    ("112_densenet-caffe-densenet-201", 20_013_928),
    ("123_caffe-model-vgg-deploy-vgg13bn-pytorch", 133_053_736),
    ("124_caffe-model-vgg-deploy-vgg16bn-pytorch", 138_365_992),
    ("125_caffe-model-vgg-deploy-vgg19bn-pytorch", 143_678_248),
    ("179_ml-suite-fp32-squeezenet-train-val", 1_248_424),
    # MobileNet 1.0 of 224 (Keras), and GoogLeNet without its two side classifiers.
    ("113_mobilenet-caffe-mobilenet-deploy", 4_231_976),
    ("132_caffe-model-inception-bn-inception-bn-deploy", 6_998_552),
]


@pytest.mark.parametrize(("name", "expected"), TOTALS)
def test_well_known_numbers_of_parameters(name: str, expected: int, corpus: Path) -> None:
    path = corpus / f"{name}.prototxt"
    (net,) = Readings.of(Source(path.name, path.read_bytes())).read(DIALECTS["bvlc"]).nets
    totals = summarise(net, net.views[-1], {}).totals
    assert totals.learnable == expected
    assert totals.unknown == 0


def test_every_third_net_of_the_corpus_is_summarised(corpus: Path) -> None:
    count = 0
    for path in sorted(corpus.glob("*.prototxt"))[::3]:
        readings = Readings.of(Source(path.name, path.read_bytes()))
        for net in readings.read(infer_target(readings).dialect).nets:
            for view in net.views:
                summary = summarise(net, view, {})
                assert len(summary.layers) == len(view.layers)
                count += 1
    assert count > 50
