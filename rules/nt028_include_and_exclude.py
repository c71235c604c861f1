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

from ._construction import findings


@net_rule("NT028", "include-and-exclude", Severity.ERROR, faults=(Kind.STATE_RULES,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.STATE_RULES)


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example("bvlc", _INPUT + _layer("ReLU", "include { phase: TRAIN } include { phase: TEST }")),
)
INVALID = (
    Invalid(
        "bvlc", _INPUT + _layer("ReLU", 'include { phase: TRAIN } exclude { stage: "s" }'), (4,)
    ),
    Invalid(
        "nvidia-0.14",
        _INPUT + _layer("ReLU", "exclude { phase: TRAIN } include { phase: TEST }"),
        (4,),
    ),
)
