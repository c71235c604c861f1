"""A `propagate_down` that is not one for each bottom.

What it does
    Counts `propagate_down` against the bottoms.

Why it matters
    The net aborts when it is built: `propagate_down param must be specified either 0 or
    bottom_size times`.

Which Caffe
    All.

Evidence
    Net::Init of src/caffe/net.cpp in every branch; verdicts of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, layer


@net_rule("NT026", "propagate-down-count", Severity.ERROR, faults=(Kind.GRADIENT_SWITCHES,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.GRADIENT_SWITCHES)


VALID = (Example("bvlc", INPUT + layer("ReLU", "propagate_down: false")),)
INVALID = (
    Invalid("bvlc", INPUT + layer("ReLU", "propagate_down: false propagate_down: true"), (4,)),
)
