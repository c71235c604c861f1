"""Blobs that one layer takes together and that do not fit.

What it does
    Compares the shapes of the bottoms of Eltwise, Concat, Scale, Bias, losses, Accuracy, recurrent
    layers and the heads of SSD; the parts of a Slice with the axis; and what a Reshape keeps with
    what it makes. The message has both shapes, and where each was made.

Why it matters
    Set-up aborts: `Check failed: bottom[0]->shape() == bottom[i]->shape()`, `All inputs must have
    the same shape, except at concat_axis.`, `Number of labels must match number of predictions`,
    `Inputs must have the same dimension.`, `The data and label should have the same first
    dimension.`, `output count must match input count`, `Number of priors must match number of
    location predictions.` Often a pooling rounds a size up that a convolution beside it rounds
    down.

Which Caffe
    All. A convolution rounds down, a pooling up.

Evidence
    Reshape of each layer in src/caffe/layers; verdicts of real builds of BVLC, SSD, Intel and
    NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import findings


@net_rule("NT021", "shapes-disagree", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.SHAPES)


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


_TWO = 'layer { name: "t" type: "%s" bottom: "%s" bottom: "%s" top: "t" }\n'
VALID = (
    Example(
        "bvlc",
        _INPUT
        + _layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
        + _TWO % ("Eltwise", "y", "y"),
    ),
    Example(
        "bvlc",
        _INPUT
        + _layer("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }")
        + _TWO % ("Concat", "x", "y"),
    ),
    Example(
        "bvlc",
        'layer { name: "d" type: "Data" top: "x" data_param { source: "s" batch_size: 2 } }\n'
        + _layer("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }")
        + _TWO % ("Eltwise", "x", "y"),
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        _INPUT
        + _layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
        + _TWO % ("Eltwise", "x", "y"),
        (6,),
    ),
    Invalid(
        "nvidia-0.17",
        _INPUT
        + _layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }")
        + _TWO % ("Concat", "x", "y"),
        (6,),
    ),
    Invalid(
        "bvlc",
        _INPUT
        + _layer("InnerProduct", "inner_product_param { num_output: 7 }")
        + _TWO % ("SoftmaxWithLoss", "y", "x"),
        (6,),
    ),
    Invalid(
        "bvlc", _INPUT + _layer("Reshape", "reshape_param { shape { dim: [0, 5, -1] } }"), (4,)
    ),
)
