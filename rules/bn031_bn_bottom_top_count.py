"""A BatchNorm with more or fewer than one bottom and one top.

What it does
    Counts the bottoms and tops of a BatchNorm.

Why it matters
    Set-up aborts: `BatchNorm Layer takes 1 bottom blob(s) as input.` or `BatchNorm Layer
    produces 1 top blob(s) as output.` Typical are a `bottom` left behind by an edit, and layers
    of forks whose BN gives out mean and variance as further tops.

Which Caffe
    All. Source: ExactNumBottomBlobs and ExactNumTopBlobs in batch_norm_layer.hpp.

Evidence
    Set-up of such layers in BVLC and NVIDIA 0.14 to 0.17; BN of SegNet has up to three tops.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.init import faults_of
from protolint.net.net import Net

from ._construction import is_batchnorm
from ._layers import named


@net_rule("BN031", "bn-bottom-top-count", Severity.ERROR, faults=(Kind.COUNT,))
def check(net: Net) -> Iterator[Finding]:
    faults = [fault for fault, _ in faults_of(net, Kind.COUNT) if is_batchnorm(fault)]
    for layer in dict.fromkeys(fault.layer for fault in faults):
        if layer is None:
            continue
        bottoms, tops = len(layer.bottoms), len(layer.tops)
        surplus = [*layer.bottoms[1:2], *layer.tops[1:2]]
        advice = "remove the surplus" if surplus else "add what is missing"
        yield Finding(
            surplus[0].span if surplus else layer.head,
            f"{named(layer)}: BatchNorm takes one bottom and one top, here {bottoms} and {tops}; "
            f"{advice}",
            layer=layer.name,
        )


def _net(bottoms: str, tops: str, rest: str = "") -> str:
    return f"""\
layer {{ name: "d" type: "Input" top: "x" top: "z" }}
layer {{
  name: "bn" type: "BatchNorm" {rest}
  {bottoms}
  {tops}
}}
"""


_X, _Y = 'bottom: "x"', 'top: "y"'
VALID = (Example("bvlc", _net(_X, _Y)),)
INVALID = (Invalid("bvlc", _net(_X + '\n  bottom: "z"', _Y), (5,)),)
