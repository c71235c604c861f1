"""A layer with both `include` and `exclude`.

What it does
    Reports a layer that has rules of both kinds, whatever the state.

Why it matters
    The net aborts when it is built, in every state: `Specify either include rules or exclude rules;
    not both.`

Which Caffe
    All.

Evidence
    Net::FilterNet of src/caffe/net.cpp in every branch; verdicts of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, layer


@net_rule("NT028", "include-and-exclude", Severity.ERROR, faults=(Kind.STATE_RULES,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.STATE_RULES)


VALID = (
    Example("bvlc", INPUT + layer("ReLU", "include { phase: TRAIN } include { phase: TEST }")),
)
INVALID = (
    Invalid("bvlc", INPUT + layer("ReLU", 'include { phase: TRAIN } exclude { stage: "s" }'), (4,)),
)
