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

from ._construction import findings


@net_rule("NT026", "propagate-down-count", Severity.ERROR, faults=(Kind.GRADIENT_SWITCHES,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.GRADIENT_SWITCHES)


_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (Example("bvlc", _INPUT + _layer("ReLU", "propagate_down: false")),)
INVALID = (
    Invalid("bvlc", _INPUT + _layer("ReLU", "propagate_down: false propagate_down: true"), (4,)),
    Invalid("nvidia-0.17", _INPUT + _layer("Eltwise", 'bottom: "x" propagate_down: false'), (4,)),
)
