"""What `--for` names is what an importer was seen to read wrong, and nothing beside."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.deployment.importers import IMPORTERS, limits, unread
from protolint.layers.catalogue import ALL_TYPES
from tests.cli.command import run, write
from tests.folding.models import net_of

#: A layer, and the importers that read it wrong: all but ncnn and TensorRT were run on it.
IP = 'type: "InnerProduct" inner_product_param'
CONV = 'type: "Convolution" convolution_param'
READ_WRONG = {
    f"{IP} {{ num_output: 5 transpose: true }}": "opencv ncnn caffe2onnx",
    f"{IP} {{ num_output: 5 axis: 2 }}": "ncnn openvino caffe2onnx",
    f"{IP} {{ num_output: 5 axis: 1 transpose: false }}": "",
    'type: "Scale" scale_param { axis: 2 bias_term: true }': "mnn ncnn openvino caffe2onnx",
    'type: "Scale" bottom: "k" scale_param { bias_term: true }': "mnn caffe2onnx",
    'type: "Scale"': "tensorrt",
    'type: "LRN" lrn_param { k: 2 }': "opencv mnn ncnn caffe2onnx",
    'type: "LRN" lrn_param { norm_region: WITHIN_CHANNEL }': "caffe2onnx",
    'type: "LRN" lrn_param { k: 1 local_size: 3 }': "",
    'type: "Reshape" reshape_param { axis: 2 shape { dim: -1 } }': "ncnn openvino",
    'type: "Flatten" flatten_param { axis: 2 }': "ncnn caffe2onnx tensorrt",
    'type: "PReLU" prelu_param { channel_shared: true }': "opencv caffe2onnx",
    'type: "PReLU"': "caffe2onnx",
    'type: "Eltwise" bottom: "k" eltwise_param { operation: MAX }': "caffe2onnx",
    'type: "Eltwise" bottom: "k" eltwise_param { coeff: 1 coeff: 1 }': "mnn",
    'type: "Eltwise" bottom: "k" eltwise_param { coeff: 1 coeff: -1 }': "caffe2onnx",
    f"{CONV} {{ num_output: 2 kernel_size: [3, 1] }}": "mnn ncnn caffe2onnx",
    f"{CONV} {{ num_output: 2 kernel_size: [3, 3] pad: 1 }}": "",
    'type: "Log"': "mnn ncnn openvino caffe2onnx tensorrt",
    'type: "Log" log_param { shift: 1 }': "opencv mnn ncnn openvino caffe2onnx tensorrt",
    'type: "MVN"': "mnn tensorrt",
    'type: "Tile" tile_param { tiles: 2 }': "opencv mnn ncnn caffe2onnx tensorrt",
    'type: "Bias"': "opencv ncnn caffe2onnx tensorrt",
    'type: "AbsVal"': "openvino caffe2onnx",
    'type: "Exp"': "ncnn openvino caffe2onnx tensorrt",
    'type: "Power" power_param { power: 2 }': "",
    'type: "Pooling" pooling_param { kernel_size: 3 pool: AVE }': "",
    'type: "Python"': "opencv mnn ncnn openvino caffe2onnx tensorrt",
}


@pytest.mark.parametrize("layer", READ_WRONG)
def test_what_is_read_wrong_is_named(layer: str) -> None:
    net = net_of(f'layer {{ name: "r" bottom: "x" top: "r" {layer} }}')
    named = {name: limits(name, net) for name in IMPORTERS}
    assert [name for name, found in named.items() if found] == READ_WRONG[layer].split()
    for found in named.values():
        assert len(found) < 2
        assert all(line.endswith("(r)") for line in found)


AVERAGES = {
    "kernel_size: 3 stride: 2 pad: 1": True,
    "kernel_size: 3 stride: 2": False,
    "kernel_size: 3 pad: 1": False,
    "kernel_size: 2 stride: 2 pad: 1": False,
    "global_pooling: true": False,
}


@pytest.mark.parametrize("window", AVERAGES)
def test_openvino_divides_averages_by_whole_windows(window: str) -> None:
    """As it did with these on an image of four by four: off by 0.15, and by nothing."""
    text = (
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [1, 2, 4, 4] } } }\n'
    )
    for pool, shown in (("AVE", AVERAGES[window]), ("MAX", False)):
        param = f"pooling_param {{ pool: {pool} {window} }}"
        pooling = f'layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" {param} }}'
        found = limits("openvino", net_of(text + pooling))
        wanted = "OpenVINO 2023 divides averages by more than their padded window (p)"
        assert found == [wanted] * shown


@pytest.mark.parametrize("name", IMPORTERS)
def test_types_and_fields_are_those_of_a_caffe(name: str) -> None:
    importer = IMPORTERS[name]
    types = importer.types.split()
    assert len(types) == len(set(types))
    assert set(importer.ignores) <= set(types)
    forks = {
        "BN",
        "Upsample",
        "ConvolutionDepthwise",
        "DepthwiseConvolution",
        "Swish",
        "Reorg",
        "ROIAlign",
        "Axpy",
    }
    assert set(types) - set(ALL_TYPES) <= {*forks, "ReLU6", "ShuffleChannel", "Interp", "Proposal"}


def test_what_no_importer_reads_is_named_unasked(tmp_path: Path) -> None:
    text = 'input: "x" input_shape { dim: 1 dim: 2 }\n'
    text += 'layer { name: "p" type: "Python" bottom: "x" top: "y" }\n'
    text += 'layer { name: "e" type: "Exp" bottom: "y" top: "y" }\n'
    assert unread(net_of(text)) == ["no importer known here reads Python (p)"]
    done = run("deploy", write(tmp_path, "n.prototxt", text))
    assert (done.returncode, "no importer known here reads Python (p)" in done.stderr) == (0, True)


def test_fields_of_intel_are_left_out_when_asked(tmp_path: Path) -> None:
    text = 'input: "x" input_shape { dim: 1 dim: 2 }\n'
    text += 'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y"'
    text += " batch_norm_param { stats_batch_size: 4 } }\n"
    net = write(tmp_path, "n.prototxt", text)
    done = run("deploy", "--target", "intel", net)
    assert done.returncode == 2
    assert "--drop-field stats_batch_size leaves it out" in done.stderr
    done = run("deploy", "--target", "intel", "--drop-field", "stats_batch_size", net)
    assert (done.returncode, "stats_batch_size" in done.stdout) == (0, False)
