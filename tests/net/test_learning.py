"""Which layers learn, and the nearest one above."""

from __future__ import annotations

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.net.learning import learners, learns
from protolint.net.net import Net
from protolint.net.view import View
from protolint.source import Source
from protolint.workspace.reading import Readings

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 6, 8, 8] } } }\n'


def read(text: str, dialect: str = "bvlc") -> tuple[Net, View]:
    (net,) = Readings.of(Source("net.prototxt", text.encode())).read(DIALECTS[dialect]).nets
    return net, net.views[0]


def layer(type: str, parameter: str = "", bottom: str = "x") -> str:
    return f'layer {{ name: "l" type: "{type}" bottom: "{bottom}" top: "y" {parameter} }}\n'


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
