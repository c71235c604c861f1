"""Three `param` blocks on BatchNorm statistics that BVLC Caffe sets to 0 by itself.

What it does
    Reports a BatchNorm with exactly three `param` blocks, one of which has an `lr_mult` other
    than 0; a block without `lr_mult` has 1.

Why it matters
    The blocks do not do what they say. The three blobs are statistics, which no solver may
    touch, and BVLC sets the multipliers of exactly three blocks to 0 when it reads the file.
    With one block fewer or more the same net aborts (BN005).

Which Caffe
    BVLC from rc4 on. A net that stands inside a solver is not upgraded and aborts (BN005).
    Source: UpgradeNetBatchNorm of upgrade_proto.cpp @ rc4 to master.

Fix
    Safe: deletes the blocks, or sets both multipliers to 0 where a block has a name.

Evidence
    BVLC/caffe#5184, #5120, #5171; observed: the statistics are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named
from ._statistics import freezing, rates_of


@net_rule(
    "BN010",
    "stats-lr-forced-to-zero",
    Severity.INFO,
    where=lambda caffe: caffe.zeroes_three_params,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    if net.inline:
        return
    for layer in net.batchnorms:
        rates = rates_of(net, layer)
        if len(rates) != 3 or not any(rates):
            continue
        offending = next((param for param in layer.params if param.lr_mult != 0), None)
        if offending is None or not net.keeps(layer):
            continue
        yield Finding(
            offending.span,
            f"{named(layer)}: {net.dialect.name} sets these multipliers to 0; "
            "remove the param blocks",
            layer=layer.name,
            fix=freezing(net, layer.params),
        )


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 1 decay_mult: 1 }
  param { lr_mult: 1 decay_mult: 1 }
  param { lr_mult: 1 decay_mult: 1 }
}
""",
        (4,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
}
""",
    ),
)
