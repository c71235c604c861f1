"""More `param` blocks than the layer has blobs.

What it does
    Reports a layer with more `param` blocks, or values of `blobs_lr` in the old form, than it has
    blobs: one for a Convolution with `bias_term: false`, none for a ReLU. BN008 does so for
    BatchNorm.

Why it matters
    The net aborts when it is built: `Too many params specified for layer conv1`. Typical is a
    `bias_term: false` that was added later.

Which Caffe
    All. Fewer blocks are right: those that lack have multipliers of 1.

Evidence
    Net::Init of src/caffe/net.cpp in every branch; verdicts of real builds of BVLC, SSD, Intel and
    NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, is_batchnorm, layer


@net_rule("NT024", "too-many-param-blocks", Severity.ERROR, faults=(Kind.PARAMS,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.PARAMS, where=lambda fault: not is_batchnorm(fault))


VALID = (
    Example(
        "bvlc",
        INPUT + layer("InnerProduct", "param { } param { } inner_product_param { num_output: 3 }"),
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        INPUT
        + layer(
            "InnerProduct",
            "param { } param { } inner_product_param { num_output: 3 bias_term: false }",
        ),
        (4,),
    ),
)
