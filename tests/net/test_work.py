"""Multiply-accumulates: by hand for each kind of layer, and as published for known nets."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.layers.shape import Shape
from protolint.net.summary import NetSummary, summarise
from protolint.source import Source
from protolint.workspace.reading import Readings

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 6, 9, 9] } } }\n'


def summary_of(text: str, **given: Shape) -> NetSummary:
    source = Source("net.prototxt", text.encode())
    (net,) = Readings.of(source).read(DIALECTS["bvlc"]).nets
    return summarise(net, net.views[-1], given)


def layer(type: str, parameter: str, tops: str = "y", bottoms: str = "x") -> str:
    blobs = "".join(f' bottom: "{b}"' for b in bottoms) + "".join(f' top: "{t}"' for t in tops)
    return INPUT + f'layer {{ name: "l" type: "{type}"{blobs} {parameter} }}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Batch, places of the top, output channels, input channels of a group, kernel.
        (layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }"),
         2 * 7 * 7 * 4 * 6 * 9),
        (layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 bias_term: false "
               "group: 2 stride: 2 }"), 2 * 4 * 4 * 4 * 3 * 9),
        (layer("Convolution", "convolution_param { num_output: 6 kernel_h: 1 kernel_w: 3 group: 6 "
               "dilation: 2 }"), 2 * 9 * 5 * 6 * 3),
        (layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", "yz", "xx"),
         2 * 2 * 7 * 7 * 4 * 6 * 9),
        # Places of the bottom.
        (layer("Deconvolution", "convolution_param { num_output: 4 kernel_size: 2 stride: 2 }"),
         2 * 9 * 9 * 6 * 4 * 4),
        (layer("InnerProduct", "inner_product_param { num_output: 5 }"), 2 * 5 * 6 * 81),
        (layer("InnerProduct", "inner_product_param { num_output: 5 transpose: true }"),
         2 * 5 * 6 * 81),
        (layer("InnerProduct", "inner_product_param { num_output: 5 axis: 2 }"), 2 * 6 * 5 * 81),
        (layer("ReLU", ""), 0),
        (layer("BatchNorm", ""), 0),
        (layer("Convolution", ""), None),
        (layer("OfMyOwn", ""), None),
        ('input: "x"\n' + layer("InnerProduct", "inner_product_param { num_output: 5 }")
         .replace("dim: [2, 6, 9, 9]", ""), None),
    ],
)  # fmt: skip
def test_a_layer_multiplies_so_often(text: str, expected: int | None) -> None:
    summary = summary_of(text)
    assert summary.layers[-1].macs == expected
    assert summary.totals.macs == (expected or 0)


# VGG-16 and -19 (Simonyan and Zisserman count 15.5 and 19.6 billion), MobileNet 1.0 of 224 (569
# million in its paper), the ResNets of the Caffe authors (3.8, 7.6 and 11.3 billion in theirs),
# SqueezeNet 1.0 (861 million), here with its batch of 25; to the last digit as other tools count.
PUBLISHED = [
    ("124_caffe-model-vgg-deploy-vgg16bn-pytorch", 15_470_264_320),
    ("125_caffe-model-vgg-deploy-vgg19bn-pytorch", 19_632_062_464),
    ("113_mobilenet-caffe-mobilenet-deploy", 568_740_352),
    ("074_deep-residual-networks-prototxt-resnet-50-deploy", 3_857_973_248),
    ("072_deep-residual-networks-prototxt-resnet-101-deploy", 7_570_194_432),
    ("073_deep-residual-networks-prototxt-resnet-152-deploy", 11_282_415_616),
    ("179_ml-suite-fp32-squeezenet-train-val", 25 * 861_339_936),
]


@pytest.mark.parametrize(("name", "expected"), PUBLISHED)
def test_well_known_numbers_of_multiplications(name: str, expected: int, corpus: Path) -> None:
    summary = summary_of((corpus / f"{name}.prototxt").read_text("utf-8"))
    assert summary.totals.macs == expected
