"""The shape of every blob: by Caffe's formulas, as Caffes made it, as OpenCV imports it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.caffe.descriptors import FieldType, load_schema
from protolint.caffe.registry import DIALECTS
from protolint.layers.base import Setup
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.shape import SCALAR, UNKNOWN, Shape
from protolint.net.net import Net
from protolint.net.shapes import shapes, shapes_with
from protolint.net.summary import NetSummary, summarise
from protolint.net.view import View
from protolint.source import Source
from protolint.workspace.reading import Readings
from protolint.workspace.target import infer_target
from tests.golden import DIALECT_OF, ROOTS

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 6, 9, 8] } } }\n'
VIDEO = INPUT.replace("9, 8", "5, 9, 8")
FILE = 'layer { name: "h" type: "HDF5Data" top: "x" hdf5_data_param { batch_size: 4 } }\n'


def read(text: str, dialect: str = "bvlc") -> tuple[Net, View]:
    (net,) = Readings.of(Source("net.prototxt", text.encode())).read(DIALECTS[dialect]).nets
    return net, net.views[0]


def shown(text: str, dialect: str = "bvlc", **given: Shape) -> list[str]:
    """The shapes of the tops of the last layer, as they are shown."""
    net, view = read(text, dialect)
    known = shapes_with(net, view, given)
    return [str(known[top]) for top in view.tops[view.layers[-1].index]]


def layer(type: str, parameter: str = "", bottom: str = "x", top: str = "y") -> str:
    bottoms = " ".join(f'bottom: "{name}"' for name in bottom.split())
    tops = " ".join(f'top: "{name}"' for name in top.split())
    return f'layer {{ name: "l" type: "{type}" {bottoms} {tops} {parameter} }}\n'


# 2 x 6 x 9 x 8: what a layer makes of it, by the formulas of its source.
@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", "2x4x7x6"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 }",
         "2x4x5x4"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: [3, 5] pad: [1, 2] }",
         "2x4x9x8"),
        ("Convolution", "convolution_param { num_output: 4 kernel_h: 5 kernel_w: 1 pad_h: 1 }",
         "2x4x7x8"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 1 stride_h: 2 }",
         "2x4x5x?"),
        ("Convolution", "convolution_param { num_output: 9 kernel_size: 1 stride: [2, 3] }",
         "2x9x5x3"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 group: 2 }",
         "2x4x5x4"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 dilation: [1, 3] }",
         "2x4x7x2"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 2 axis: 2 }", "2x6x4x7"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 1 axis: -3 }", "2x4x9x8"),
        # C++ divides towards zero: (8 - 9) / 2 + 1 is 1.
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 9 stride: 2 }", "2x4x1x1"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 20 }", "2x4x?x?"),
        ("Convolution", "convolution_param { num_output: 4 kernel_h: 3 }", "2x4x7x?"),
        ("Convolution", "convolution_param { num_output: 4 }", "2x4x?x?"),
        ("Convolution", "convolution_param { kernel_size: 3 }", "2x?x7x6"),
        ("Convolution", "convolution_param { num_output: 4 axis: 4 }", "?"),
        ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 }",
         "2x4x18x16"),
        ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 }",
         "2x4x13x12"),
        ("Im2col", "convolution_param { kernel_size: 3 }", "2x54x7x6"),
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", "2x6x5x4"),
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 round_mode: FLOOR }", "2x6x4x4"),
        ("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }", "2x6x5x5"),
        # Without the clip the height would be 6: its last window begins in the padding.
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 }", "2x6x5x5"),
        ("Pooling", "pooling_param { kernel_h: 2 kernel_w: 4 stride_h: 2 stride_w: 3 }",
         "2x6x5x3"),
        ("Pooling", "pooling_param { kernel_size: 3 pad_h: 0 pad_w: 1 stride: 2 }", "2x6x4x5"),
        ("Pooling", "pooling_param { global_pooling: true }", "2x6x1x1"),
        ("Pooling", "", "2x6x?x?"),
        ("SPP", "spp_param { pyramid_height: 3 }", "2x126"),
        ("SPP", "spp_param { pyramid_height: 1 }", "2x6x1x1"),
        ("SPP", "spp_param { pyramid_height: 4000000000 }", "?"),
        ("InnerProduct", "inner_product_param { num_output: 5 }", "2x5"),
        ("InnerProduct", "inner_product_param { num_output: 5 axis: 3 }", "2x6x9x5"),
        ("InnerProduct", "inner_product_param { num_output: 5 axis: -2 }", "2x6x5"),
        ("InnerProduct", "inner_product_param { num_output: 5 axis: 9 }", "?"),
        ("Embed", "embed_param { num_output: 3 input_dim: 10 }", "2x6x9x8x3"),
        ("Flatten", "", "2x432"),
        ("Flatten", "flatten_param { axis: 2 }", "2x6x72"),
        ("Flatten", "flatten_param { end_axis: 2 }", "2x54x8"),
        ("Flatten", "flatten_param { axis: -2 end_axis: -2 }", "2x6x9x8"),
        ("Flatten", "flatten_param { axis: 3 end_axis: 1 }", "?"),
        ("Reshape", "reshape_param { shape { dim: [0, -1] } }", "2x432"),
        ("Reshape", "reshape_param { shape { dim: [0, 2, 3, -1] } }", "2x2x3x72"),
        ("Reshape", "reshape_param { shape { dim: [0, 0, -1] } }", "2x6x72"),
        ("Reshape", "reshape_param { shape { dim: -1 } axis: 2 }", "2x6x72"),
        ("Reshape", "reshape_param { shape { dim: [2, -1] } axis: 1 num_axes: 1 }", "2x2x3x9x8"),
        ("Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", "2x6x9x8x1"),
        ("Reshape", "reshape_param { shape { dim: [1] } num_axes: 0 }", "1x2x6x9x8"),
        ("Reshape", "reshape_param { shape { dim: [7, -1] } }", "7x?"),
        ("Reshape", "reshape_param { shape { dim: [1] } axis: 9 }", "?"),
        ("Reshape", "reshape_param { shape { dim: [1] } axis: -9 }", "?"),
        ("Reshape", "reshape_param { shape { dim: [1] } axis: 3 num_axes: 9 }", "?"),
        ("Reshape", "", "?"),
        ("Reduction", "", "scalar"),
        ("Reduction", "reduction_param { axis: 2 }", "2x6"),
        ("Reduction", "reduction_param { axis: -1 }", "2x6x9"),
        ("Tile", "tile_param { tiles: 3 }", "2x18x9x8"),
        ("Tile", "tile_param { axis: -1 tiles: 2 }", "2x6x9x16"),
        ("ArgMax", "", "2x1x1x1"),
        ("ArgMax", "argmax_param { top_k: 5 out_max_val: true }", "2x2x5x1"),
        ("ArgMax", "argmax_param { top_k: 5 axis: 1 }", "2x5x9x8"),
        ("Softmax", "", "2x6x9x8"),
        ("LRN", "lrn_param { norm_region: WITHIN_CHANNEL }", "2x6x9x8"),
        ("MVN", "", "2x6x9x8"),
        ("BatchNorm", "", "2x6x9x8"),
        ("Scale", "scale_param { bias_term: true }", "2x6x9x8"),
        ("Clip", "clip_param { min: 0 max: 6 }", "2x6x9x8"),
        ("Swish", "", "2x6x9x8"),
        ("Deconvolution", "convolution_param { num_output: 4 }", "2x4x?x?"),
        ("Concat", "concat_param { axis: 9 }", "?"),
        ("Slice", "slice_param { axis: -9 }", "?"),
        ("Crop", "crop_param { axis: 4 }", "?"),
        ("Tile", "tile_param { axis: 4 tiles: 2 }", "?"),
        ("Python", "", "?"),
        ("RoiAlign", "", "?"),
    ],
)  # fmt: skip
def test_one_bottom(type: str, parameter: str, expected: str) -> None:
    assert shown(INPUT + layer(type, parameter)) == [expected]


@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("Permute", "permute_param { order: [0, 2, 3, 1] }", "2x9x8x6"),
        ("Permute", "permute_param { order: 3 }", "8x2x6x9"),
        ("Permute", "", "2x6x9x8"),
        ("Normalize", "norm_param { across_spatial: false }", "2x6x9x8"),
        ("PriorBox", "prior_box_param { min_size: 30 }", "1x2x288"),
        # 1, 2, 1/2, 3, 1/3 for each smallest size, and one more for the largest.
        ("PriorBox", "prior_box_param { min_size: 30 max_size: 60 aspect_ratio: [1, 2, 3] }",
         "1x2x1728"),
        ("PriorBox", "prior_box_param { min_size: [3, 4] aspect_ratio: 2 flip: false }",
         "1x2x1152"),
        ("DetectionOutput", "detection_output_param { num_classes: 3 }", "1x1x1x7"),
        ("DetectionEvaluate", "detection_evaluate_param { num_classes: 3 }", "1x1x11x5"),
        # torch_pooling is declared and not read.
        ("Pooling", "pooling_param { kernel_size: 2 stride: 2 torch_pooling: true }", "2x6x5x4"),
    ],
)  # fmt: skip
def test_detectors_of_nvidia_17(type: str, parameter: str, expected: str) -> None:
    assert shown(INPUT + layer(type, parameter), "nvidia-0.17") == [expected]


def test_detectors_with_little_to_go_by() -> None:
    assert shown(FILE + layer("Permute", "permute_param { order: 1 }"), "nvidia-0.17") == ["?"]
    assert shown(INPUT + layer("PriorBox"), "nvidia-0.17") == ["1x2x?"]


def test_detectnet_lays_a_grid_over_images() -> None:
    two = INPUT + layer("DummyData", "dummy_data_param { shape { dim: [2, 1, 9, 4] } }", "", "b")
    ground = "detectnet_groundtruth_param { stride: 16 image_size_x: 64 image_size_y: 32 %s }"
    last = layer("DetectNetTransformation", ground % "", "x b", "y z")
    assert shown(two + last, "nvidia-0.17") == ["2x3x32x64", "2x9x2x4"]
    last = layer("DetectNetTransformation", ground % "object_class { src: 1 dst: 2 }", "x b", "y z")
    assert shown(two + last, "nvidia-0.17") == ["2x3x32x64", "2x11x2x4"]


@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", "2x4x3x7x6"),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: [1, 3, 3] }", "2x4x5x7x6"),
        ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 2 stride: 2 }",
         "2x4x10x18x16"),
        ("InnerProduct", "inner_product_param { num_output: 5 }", "2x5"),
        ("Flatten", "flatten_param { axis: 1 end_axis: 2 }", "2x30x9x8"),
    ],
)  # fmt: skip
def test_five_axes(type: str, parameter: str, expected: str) -> None:
    assert shown(VIDEO + layer(type, parameter)) == [expected]


@pytest.mark.parametrize(
    ("type", "parameter", "expected"),
    [
        ("ReLU", "", "4x..."),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", "4x4x..."),
        ("Convolution", "convolution_param { num_output: 4 kernel_size: [3, 3] }", "4x4x?x?"),
        ("Convolution", "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 3 }", "4x4x?x?"),
        ("Convolution", "convolution_param { num_output: 4 axis: -3 }", "?"),
        ("Im2col", "convolution_param { kernel_size: 3 }", "?"),
        ("Pooling", "pooling_param { kernel_size: 2 }", "4x?x?x?"),
        ("Pooling", "pooling_param { global_pooling: true }", "4x?x1x1"),
        ("InnerProduct", "inner_product_param { num_output: 9 }", "4x9"),
        ("InnerProduct", "inner_product_param { num_output: 9 axis: -1 }", "?"),
        ("InnerProduct", "inner_product_param { num_output: 9 axis: 2000000000 }", "?"),
        ("Embed", "embed_param { num_output: 9 }", "4x..."),
        ("Flatten", "", "4x?"),
        ("Flatten", "flatten_param { end_axis: 2 }", "4x..."),
        ("Flatten", "flatten_param { axis: -2 }", "?"),
        ("Reshape", "reshape_param { shape { dim: [0, 3, -1] } }", "4x3x?"),
        ("Reshape", "reshape_param { shape { dim: [0, 3] } num_axes: 1 }", "4x3x..."),
        ("Reshape", "reshape_param { shape { dim: [0, 3] } axis: -1 }", "?"),
        ("Reduction", "reduction_param { axis: 1 }", "4"),
        ("Slice", "slice_param { axis: 0 }", "4x..."),
        ("Tile", "tile_param { axis: 0 tiles: 2 }", "8x..."),
        ("ArgMax", "", "4x1x1x..."),
        ("Filter", "", "4x..."),
    ],
)  # fmt: skip
def test_below_a_blob_whose_axes_are_not_known(type: str, parameter: str, expected: str) -> None:
    assert shown(FILE + layer(type, parameter)) == [expected]


def test_joining_and_cutting() -> None:
    two = INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }")
    assert shown(two + layer("Concat", "", "x y", "z")) == ["2x10x9x8"]
    assert shown(two + layer("Concat", "concat_param { axis: -3 }", "x y", "z")) == ["2x10x9x8"]
    assert shown(two + layer("Concat", "concat_param { concat_dim: 0 }", "x x", "z")) == ["4x6x9x8"]
    assert shown(INPUT + layer("Concat", "concat_param { axis: 1 }")) == ["2x6x9x8"]
    assert shown(two + layer("Slice", "", "x", "a b c")) == ["2x2x9x8"] * 3
    points = "slice_param { axis: 2 slice_point: [1, 4] }"
    assert shown(INPUT + layer("Slice", points, "x", "a b c")) == ["2x6x1x8", "2x6x3x8", "2x6x5x8"]
    odd = layer("Slice", "slice_param { slice_dim: 2 }", "x", "a b")
    assert shown(INPUT + odd) == ["2x6x?x8"] * 2
    few = layer("Slice", "slice_param { slice_point: 1 }", "x", "a b c")
    assert shown(INPUT + few) == ["2x1x9x8", "2x5x9x8", "2x?x9x8"]
    small = layer("DummyData", "dummy_data_param { shape { dim: [2, 4, 5, 7] } }", "", "s")
    assert shown(INPUT + small + layer("Crop", "", "x s")) == ["2x6x5x7"]
    assert shown(INPUT + small + layer("Crop", "crop_param { axis: 1 }", "x s")) == ["2x4x5x7"]
    assert shown(INPUT + small + layer("Crop", "crop_param { axis: -1 }", "x s")) == ["2x6x9x7"]
    assert (
        shown(INPUT + layer("Pooling", "pooling_param { kernel_size: 8 }", "x", "y mask"))
        == ["2x6x2x1"] * 2
    )


def test_bottoms_that_must_be_alike_tell_of_each_other() -> None:
    data = layer("Data", "data_param { batch_size: 2 }", "", "d")
    assert shown(data + INPUT + layer("Eltwise", "", "d x", "z")) == ["2x6x9x8"]
    assert shown(FILE + layer("Eltwise", "", "x x", "z")) == ["4x..."]
    wide = 'layer { name: "h" type: "HDF5Data" top: "h" }\n'
    assert shown(wide + INPUT + layer("Concat", "", "h x", "z")) == ["2x?x9x8"]
    assert shown(wide + INPUT + layer("Axpy", "", "h x h", "z"), "nvidia-0.17") == ["2x6x9x8"]
    last = layer("Convolution", "convolution_param { num_output: 3 kernel_size: 3 }", "h x", "y z")
    assert shown(wide + INPUT + last) == ["2x3x7x6"] * 2


def test_losses_are_scalars() -> None:
    label = layer("DummyData", "dummy_data_param { shape { dim: 2 } }", "", "t")
    for name in (name for name in ALL_TYPES if name.endswith("Loss")):
        assert shown(INPUT + label + layer(name, "", "x t", "loss"), "nvidia-0.17") == ["scalar"]
    two = layer("SoftmaxWithLoss", "", "x t", "loss prob")
    assert shown(INPUT + label + two) == ["scalar", "2x6x9x8"]
    assert shown(INPUT + label + layer("Accuracy", "", "x t", "a by")) == ["scalar", "6"]
    axis = layer("Accuracy", "accuracy_param { axis: -1 }", "x t", "a by")
    assert shown(INPUT + label + axis) == ["scalar", "8"]


def test_picking_from_a_batch() -> None:
    index = layer("DummyData", "dummy_data_param { shape { dim: 7 } }", "", "t")
    assert shown(INPUT + index + layer("BatchReindex", "", "x t")) == ["7x6x9x8"]
    assert shown(INPUT + index + layer("Filter", "", "x t")) == ["2x6x9x8"]
    assert shown(INPUT + layer("Split", "", "x", "a b")) == ["2x6x9x8"] * 2


def test_sequences() -> None:
    step = "input_param { shape { dim: [10, 3, 20] } shape { dim: [10, 3] } }"
    begin = layer("Input", step, "", "x cont")
    lstm = "recurrent_param { num_output: 7 expose_hidden: true }"
    assert shown(begin + layer("LSTM", lstm, "x cont", "y h c")) == ["10x3x7", "1x3x7", "1x3x7"]
    assert shown(begin + layer("RNN", "recurrent_param { num_output: 7 }", "x cont")) == ["10x3x7"]
    unit = (
        "input_param { shape { dim: [1, 3, 7] } shape { dim: [1, 3, 28] } shape { dim: [1, 3] } }"
    )
    cell = layer("Input", unit, "", "c gates cont") + layer("LSTMUnit", "", "c gates cont", "d h")
    assert shown(cell) == ["1x3x7"] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (layer("Input", "input_param { shape { dim: [1, 0, -1] } }", "", "a"), ["1x0x?"]),
        (layer("Input", "input_param { shape { dim: [1, 2] } }", "", "a b"), ["1x2"] * 2),
        (layer("Input", "input_param { shape { dim: 1 } shape { dim: 2 } }", "", "a b"),
         ["1", "2"]),
        (layer("Input", "input_param { shape { dim: 1 } shape { dim: 2 } }", "", "a b c"),
         ["1", "2", "?"]),
        (layer("Input", "", "", "a"), ["?"]),
        (layer("DummyData", "dummy_data_param { num: 4 channels: [1, 2] height: 3 width: 3 }", "",
               "a b"), ["4x1x3x3", "4x2x3x3"]),
        (layer("DummyData", "dummy_data_param { }", "", "a"), ["?"]),
        (layer("MemoryData", "memory_data_param { batch_size: 8 channels: 3 height: 9 width: 7 }",
               "", "a b"), ["8x3x9x7", "8"]),
        (layer("HDF5Data", "hdf5_data_param { batch_size: 8 }", "", "a b"), ["8x..."] * 2),
        (layer("Parameter", "parameter_param { shape { dim: [3, 4] } }", "", "a"), ["3x4"]),
        (layer("Data", "data_param { batch_size: 8 }", "", "a b"), ["8x?x?x?", "8"]),
        (layer("Data", "data_param { batch_size: 8 crop_size: 5 }", "", "a"), ["8x?x?x?"]),
        (layer("Data", "data_param { batch_size: 8 } transform_param { crop_size: 5 }", "", "a"),
         ["8x?x5x5"]),
        (layer("Data", "transform_param { mean_value: [1, 2, 3] }", "", "a"), ["?x3x?x?"]),
        (layer("Data", "transform_param { mean_value: 1 force_gray: true }", "", "a"),
         ["?x1x?x?"]),
        (layer("Data", "transform_param { force_color: true }", "", "a"), ["?x3x?x?"]),
        (layer("ImageData", "image_data_param { new_height: 9 new_width: 7 }", "", "a b"),
         ["1x3x9x7", "1"]),
        (layer("ImageData", "image_data_param { is_color: false batch_size: 2 new_height: 9 "
               "new_width: 9 } transform_param { crop_size: 6 }", "", "a b"), ["2x1x6x6", "2"]),
        (layer("WindowData", "window_data_param { batch_size: 8 } transform_param { crop_size: 5 }",
               "", "a b"), ["8x?x5x5", "8"]),
        ('layers { name: "d" type: DATA top: "a" data_param { batch_size: 8 crop_size: 5 } }',
         ["8x?x5x5"]),
        ('layers { name: "d" type: IMAGE_DATA top: "a" image_data_param { crop_size: 5 } }',
         ["1x3x5x5"]),
        ('layers { layer { name: "d" type: "data" batchsize: 8 cropsize: 5 } top: "a" }',
         ["8x?x5x5"]),
    ],
)  # fmt: skip
def test_layers_that_begin_a_net(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


def test_annotated_images() -> None:
    resize = "resize_param { resize_mode: %s height: 300 width: 200 }"
    data = "data_param { batch_size: 8 } annotated_data_param { %s } transform_param { %s }"

    def of(annotated: str, transform: str, type: str = "AnnotatedData") -> list[str]:
        return shown(layer(type, data % (annotated, transform), "", "a b"), "nvidia-0.17")

    assert of("anno_type: BBOX", resize % "WARP") == ["8x?x300x200", "1x1x?x8"]
    assert of("", resize % "FIT_SMALL_SIZE") == ["8x?x?x?", "?x?x?x?"]
    assert of("", "crop_h: 20 crop_w: 30")[0] == "8x?x20x30"
    assert of("", "crop_size: 20 " + resize % "WARP")[0] == "8x?x20x20"
    assert of("", resize % "WARP", "VideoData") == ["8x?x300x200", "8"]
    assert of("", resize % "WARP", "Data") == ["8x?x?x?", "8"]


def test_inputs_of_the_old_form() -> None:
    relu = layer("ReLU")
    assert shown('input: "x" input_dim: [1, 3, 8, 9]\n' + relu) == ["1x3x8x9"]
    assert shown('input: "x" input_shape { dim: [1, 7] } input_dim: 9\n' + relu) == ["1x7"]
    assert shown('input: "x" input_dim: [1, 3, 8]\n' + relu) == ["?"]
    net, view = read('input: "x" input: "z" input_dim: [1, 3, 8, 9, 1, 4, 8, 9]\n' + relu)
    known = {version.name: str(shape) for version, shape in shapes(net, view).items()}
    assert known == {"x": "1x3x8x9", "z": "1x4x8x9", "y": "1x3x8x9"}


def test_an_old_padding_layer_pads_the_one_below() -> None:
    text = (
        'input: "x" input_dim: [1, 3, 8, 8]\n'
        'layers { layer { name: "p" type: "padding" pad: 2 } bottom: "x" top: "p" }\n'
        'layers { layer { name: "c" type: "%s" num_output: 4 kernelsize: 5 %s } '
        'bottom: "p" top: "c" }\n'
    )
    assert shown(text % ("conv", "")) == ["1x4x8x8"]
    # As pad in pooling_param, with its clip, and not as a larger image.
    assert shown(text % ("pool", "stride: 5")) == ["1x3x2x2"]


def test_what_a_schema_does_not_know_is_not_guessed() -> None:
    permute = INPUT + layer("Permute", "permute_param { order: [0, 2, 3, 1] }")
    assert shown(permute, "bvlc") == ["?"]
    assert shown(INPUT + layer("Axpy", "", "x x x", "y"), "bvlc") == ["2x6x9x8"]
    relu = 'input: "x" input_dim: [1, 3, 8, 9]\n' + layer("Scale")
    assert shown(relu, "nvidia-0.14") == ["1x3x8x9"]


def test_shapes_can_be_given() -> None:
    data = layer("Data", "data_param { batch_size: 8 }", "", "x label")
    convolution = layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
    given_shape = Shape.of((None, 3, 9, 9))
    assert shown(data + convolution, x=given_shape) == ["?x4x7x7"]
    custom = layer("Custom", "", "x", "z") + layer("ReLU", "", "z", "z")
    assert shown(data + custom, z=given_shape) == ["?x3x9x9"]
    # What follows from it in place is not what was given.
    flat = layer("Custom", "", "x", "z") + layer("Python", "", "z", "z")
    assert shown(data + flat, z=given_shape) == ["?"]
    deploy = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param '
    deploy += '{ num_output: 4 kernel_size: 3 } exclude { stage: "val" } }\n'
    net, _ = read(deploy)
    known = shapes_with(net, net.views[2], {"data": given_shape})
    assert [str(shape) for shape in known.values()] == ["?x3x9x9", "?x4x7x7"]


def test_a_shape_says_what_is_known() -> None:
    assert [str(UNKNOWN), str(SCALAR), str(Shape.of((1, None)))] == ["?", "scalar", "1x?"]
    assert (UNKNOWN.axes, UNKNOWN.values, SCALAR.axes, SCALAR.values) == (None, None, 0, 1)
    shape = Shape.of((2, None, 3))
    assert (shape.axes, shape.channels, shape.values, shape.size(2)) == (3, None, None, 3)
    assert Shape.of((2, 4, 3)).values == 24
    assert Shape.of((0, -1, 1 << 31)).dims == (0, None, None)
    assert Shape.of([1] * 33) == UNKNOWN
    assert Shape((None, 8)).channels == 8
    net, _ = read(INPUT)
    assert Setup(net.layers[0], [], net.dialect).first == UNKNOWN


# Against the frameworks: the tops that they made on the golden inputs.


def golden(pattern: str) -> list[Any]:
    return [
        pytest.param(path, id=f"{root.parent.name}-{path.relative_to(root)}")
        for root in ROOTS
        for path in sorted(root.glob(pattern))
        if path.name.endswith((".output.npy", ".tops.npz"))
    ]


def golden_net(path: Path) -> tuple[Net, View]:
    name = path.name.split(".")[0]
    found = next(
        candidate
        for candidate in (f"{name}.deploy.prototxt", f"{name}.prototxt")
        if (path.parent / candidate).exists()
    )
    text = (path.parent / found).read_text("utf-8")
    return read(text, DIALECT_OF[path.parent.name])


@pytest.mark.parametrize("path", golden("*/*.tops.npz"))
def test_tops_have_the_shapes_that_the_framework_gave_them(path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    net, view = golden_net(path)
    known = shapes(net, view)
    tops = numpy.load(path)
    assert tops.files
    for name in tops.files:
        (found,) = (layer for layer in view.layers if layer.name == name.replace("|", "/"))
        assert known[view.tops[found.index][0]] == Shape.of(tops[name].shape)


@pytest.mark.parametrize("path", golden("*/*.output.npy"))
def test_the_output_has_the_shape_that_the_framework_gave_it(path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    net, view = golden_net(path)
    known = shapes(net, view)
    last = view.tops[view.layers[-1].index][0]
    assert known[last] == Shape.of(numpy.load(path).shape)
    meta = json.loads((path.parent / f"{path.name.split('.')[0]}.meta.json").read_text())
    assert last.name == meta.get("last_blob", last.name)


# Against OpenCV's importer, which works shapes out by itself.

OF_MANY_TYPES = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 6, 33, 31] } } }
layer { name: "c1" type: "Convolution" bottom: "x" top: "c1"
  convolution_param { num_output: 8 kernel_size: 3 stride: 2 pad: 1 group: 2 } }
layer { name: "n1" type: "BatchNorm" bottom: "c1" top: "c1" }
layer { name: "s1" type: "Scale" bottom: "c1" top: "c1" scale_param { bias_term: true } }
layer { name: "r1" type: "PReLU" bottom: "c1" top: "c1" }
layer { name: "c2" type: "Convolution" bottom: "c1" top: "c2"
  convolution_param { num_output: 8 kernel_h: 3 kernel_w: 1 pad_h: 2 pad_w: 0 dilation: 2 } }
layer { name: "p1" type: "Pooling" bottom: "c2" top: "p1"
  pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "p2" type: "Pooling" bottom: "c2" top: "p2"
  pooling_param { pool: AVE kernel_size: 2 stride: 2 pad: 1 } }
layer { name: "p3" type: "Pooling" bottom: "c2" top: "p3"
  pooling_param { kernel_h: 5 kernel_w: 4 stride_h: 3 stride_w: 2 pad_h: 1 pad_w: 0 } }
layer { name: "d1" type: "Deconvolution" bottom: "p1" top: "d1"
  convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }
layer { name: "cut" type: "Slice" bottom: "c1" top: "a" top: "b" top: "c"
  slice_param { slice_point: 1 slice_point: 5 } }
layer { name: "crop" type: "Crop" bottom: "d1" bottom: "p2" top: "crop" crop_param { offset: 1 } }
layer { name: "cat" type: "Concat" bottom: "a" bottom: "b" bottom: "c2" top: "cat" }
layer { name: "sum" type: "Eltwise" bottom: "c1" bottom: "c2" top: "sum" }
layer { name: "lrn" type: "LRN" bottom: "sum" top: "lrn" }
layer { name: "fold" type: "Flatten" bottom: "p1" top: "fold" flatten_param { axis: 2 } }
layer { name: "res" type: "Reshape" bottom: "p1" top: "res"
  reshape_param { shape { dim: 0 dim: 2 dim: -1 } } }
layer { name: "all" type: "Pooling" bottom: "cat" top: "all"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "fc" type: "InnerProduct" bottom: "all" top: "fc"
  inner_product_param { num_output: 7 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


def zero_weights(net: Net, summary: NetSummary) -> bytes:
    """A weight file with a zero for each parameter."""
    model = net.message.type.schema.message_class("NetParameter")()
    for entry in summary.layers:
        written = model.layer.add(name=entry.layer.name, type=entry.layer.type)
        for parameter in entry.parameters or ():
            blob = written.blobs.add()
            blob.shape.dim.extend(parameter.shape.dims)
            blob.data.extend([0.0] * (parameter.shape.values or 0))
    return bytes(model.SerializeToString())


PUBLIC = (
    "models/lenet-mnist", "models/mtcnn-det1", "models/mtcnn-det2", "models/vgg68-bn",
    "models/wechat-sr", "models/wechat-detect", "models/yoloface-100k",
    "083_nvidia-faceboxes-ssd", "113_mobilenet-caffe-mobilenet-deploy",
)  # fmt: skip


@pytest.mark.parametrize("name", ["", *PUBLIC])
def test_opencv_imports_the_same_shapes(name: str) -> None:
    """OpenCV checks the shape of each weight, and has its own formula for each top."""
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV has no Caffe importer")
    numpy = pytest.importorskip("numpy")
    path = CORPUS / f"{name}.prototxt"
    if name and not path.exists():
        pytest.skip("the corpus of public nets is not beside this checkout")
    # One of them begins with a byte order mark, which Caffe and OpenCV refuse.
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf") if name else OF_MANY_TYPES.encode()
    readings = Readings.of(Source("net.prototxt", data))
    (net,) = readings.read(infer_target(readings).dialect).nets
    summary = summarise(net, net.views[-1], {})
    weights = zero_weights(net, summary)
    imported = cv2.dnn.readNetFromCaffe(
        numpy.frombuffer(data, numpy.uint8), numpy.frombuffer(weights, numpy.uint8)
    )
    begin = list(summary.inputs.values())
    begin += [top for entry in summary.layers if entry.layer.type == "Input" for top in entry.tops]
    numbers, _, found = imported.getLayersShapes([list(shape.dims) for shape in begin])
    tops = {
        imported.getLayer(int(number)).name: [tuple(map(int, dims)) for dims in shapes]
        for number, shapes in zip(numbers, found, strict=True)
    }
    compared = 0
    for entry in summary.layers:
        # How many boxes are found, OpenCV tells as the most that can be.
        if entry.layer.type in ("Input", "DetectionOutput"):
            continue
        theirs = tops[entry.layer.name][: len(entry.tops)]
        assert [top.dims for top in entry.tops] == theirs, entry.layer
        compared += len(theirs)
    assert compared >= 8


# Nothing here may fail, whatever stands in a file.

NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 7, 31, 32, 33, 1000, (1 << 31) - 1, (1 << 32) - 1])
SIGNED = st.one_of(NUMBERS, NUMBERS.map(lambda number: -number))


def value_of(field: FieldType, draw: st.DrawFn, depth: int) -> str:
    if field.kind == "message":
        fields = list(field.message.fields.values())
        chosen = draw(st.lists(st.sampled_from(fields), max_size=5)) if fields and depth else []
        return "{ " + " ".join(f"{f.name}: {value_of(f, draw, depth - 1)}" for f in chosen) + " }"
    if field.kind == "enum":
        return draw(st.sampled_from(list(field.enum.numbers)))
    if field.kind == "bool":
        return draw(st.sampled_from(["true", "false"]))
    if field.kind in ("string", "bytes"):
        return '"w"'
    return str(draw(SIGNED))


@st.composite
def nets(draw: st.DrawFn) -> tuple[str, str]:
    """A net of layers with any parameters, and a dialect to read it in."""
    dialect = draw(st.sampled_from(list(DIALECTS)))
    fields = load_schema(DIALECTS[dialect].schema).messages["LayerParameter"].fields
    names = ["data", "a", "b", "c", "nowhere"]
    lines = ['input: "data" input_shape { dim: [2, 6, 9, 8] }']
    for i in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from([*ALL_TYPES, "Custom", ""]))
        known = ALL_TYPES.get(kind)
        parts = [f'name: "l{i}" type: "{kind}"']
        parts += [f'bottom: "{b}"' for b in draw(st.lists(st.sampled_from(names), max_size=3))]
        parts += [f'top: "{t}"' for t in draw(st.lists(st.sampled_from(names), max_size=3))]
        for name in (*(known.parameters if known else ()), "transform_param", "param"):
            if name in fields and draw(st.booleans()):
                parts.append(f"{name} {value_of(fields[name], draw, 2)}")
        lines.append(f"layer {{ {' '.join(parts)} }}")
    return "\n".join(lines), dialect


@settings(max_examples=300)
@given(nets())
def test_no_net_makes_it_fail(drawn: tuple[str, str]) -> None:
    text, dialect = drawn
    net, _ = read(text, dialect)
    for view in net.views:
        summary = summarise(net, view, {"a": Shape.of((1, None, 3))})
        for entry in summary.layers:
            for shape in (*entry.tops, *(p.shape for p in entry.parameters or ())):
                assert all(size is None or 0 <= size < 1 << 31 for size in shape.dims)
                assert len(shape.dims) <= 33
                assert str(shape)


def test_old_generations_and_empty_nets_do_not_fail() -> None:
    for text in (
        "",
        "layers { }",
        "layers { layer { } }",
        "layer { }",
        'layers { type: DATA top: "x" }',
    ):
        net, view = read(text)
        assert len(summarise(net, view, {}).layers) == len(net.layers)
