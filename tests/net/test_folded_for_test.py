"""Intel Caffe folds BatchNorm and Scale into the convolution above when it builds for TEST."""

from __future__ import annotations

import pytest

import protolint
from protolint.net.folded_for_test import folded
from protolint.net.summary import summarise
from protolint.report.net_table import render

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [1, 3, 9, 9] } } }\n'
CONV = """\
layer { name: "c" type: "%s" bottom: "x" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 } }
"""
BN = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { %s } }\n'
SCALE = 'layer { name: "s" type: "Scale" bottom: "c" top: "c" }\n'
RELU = 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }\n'


def names(text: str, target: str = "intel", state: str = "TEST") -> list[list[str]]:
    net = protolint.load(INPUT + text, target=target)
    views = [view for view in net.views if view.state.phase == state]
    return [[layer.name for layer in layers] for view in views for _, layers in folded(net, view)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CONV % "Convolution" + BN % "" + SCALE, [["bn", "s"]]),
        (CONV % "Convolution" + BN % "" + RELU, [["bn"]]),
        (CONV % "Convolution" + BN % "", []),
        (CONV % "Convolution" + BN % "use_global_stats: false" + SCALE, []),
        (CONV % "Deconvolution" + BN % "" + SCALE, []),
        (CONV % "Convolution" + RELU + BN % "" + SCALE, []),
    ],
)
def test_what_is_folded(text: str, found: list[list[str]]) -> None:
    assert names(text) == found
    assert names(text, "bvlc") == []


def test_show_says_it_in_a_line() -> None:
    net = protolint.load(INPUT + CONV % "Convolution" + BN % "" + SCALE, target="intel")
    text = render(net, summarise(net, net.views[0], {}), None)
    assert text.splitlines()[-1] == "intel folds bn, s into c for TEST"
