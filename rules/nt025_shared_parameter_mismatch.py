"""A parameter that two layers share and that is not the same in both.

What it does
    Reports a named `param` whose blob has another shape than that of the layer that has the name
    first, or with `share_mode: PERMISSIVE` another number of values, and a multiplier that both
    give and that differs.

Why it matters
    The net aborts when it is built: `Cannot share param 'w' owned by layer 'a' with layer 'b';
    shape mismatch.` or `Shared param 'w' has mismatched lr_mult.`

Which Caffe
    All. A multiplier that one of the two leaves out is taken from the other.

Evidence
    Net::AppendParam of src/caffe/net.cpp in every branch; verdicts of real builds of BVLC, SSD,
    Intel and NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings


@net_rule("NT025", "shared-parameter-mismatch", Severity.ERROR, faults=(Kind.SHARED,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.SHARED)


_ROW = (
    'layer { type: "InnerProduct" bottom: "x" inner_product_param { num_output: %d }'
    ' name: "n%s" top: "%s" param { name: "w" %s } }\n'
)
VALID = (
    Example(
        "bvlc", INPUT + _ROW % (3, "a", "a", "") + _ROW.replace('"w"', '"v"') % (5, "b", "b", "")
    ),
)
INVALID = (Invalid("bvlc", INPUT + _ROW % (3, "a", "a", "") + _ROW % (5, "b", "b", ""), (3,)),)
