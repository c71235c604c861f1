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

from ._construction import INPUT, findings, layer


@net_rule("NT027", "loss-weight-count", Severity.ERROR, faults=(Kind.LOSS_WEIGHT,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.LOSS_WEIGHT)


VALID = (Example("bvlc", INPUT + layer("ReLU", "loss_weight: 1")),)
INVALID = (Invalid("bvlc", INPUT + layer("ReLU", "loss_weight: [1, 1]"), (4,)),)
