"""A `loss_weight` that is not one for each top.

What it does
    Counts `loss_weight` against the tops, for losses too, which have a weight of 1 of their own for
    one top.

Why it matters
    Set-up aborts: `loss_weight must be unspecified or specified once per top blob.`

Which Caffe
    All. A weight for a top that another layer reads as well goes to the Split below, so that it is
    not counted. SoftmaxWithLoss hands its weights on to a Softmax of one top, so that a second
    top never works.

Evidence
    SetLossWeights of include/caffe/layer.hpp, insert_splits.cpp; verdicts of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import findings


@net_rule("NT027", "loss-weight-count", Severity.ERROR, faults=(Kind.LOSS_WEIGHT,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.LOSS_WEIGHT)


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example("bvlc", _INPUT + _layer("ReLU", "loss_weight: 1")),
    Example("bvlc", _INPUT + _layer("ReLU", "loss_weight: [1, 1]") + _layer("TanH", "", "y", "z")),
)
INVALID = (
    Invalid("bvlc", _INPUT + _layer("ReLU", "loss_weight: [1, 1]"), (4,)),
    Invalid("nvidia-0.17", _INPUT + _layer("Slice", 'top: "z" loss_weight: 1'), (4,)),
)
