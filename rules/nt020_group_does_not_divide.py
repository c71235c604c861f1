"""A `group` that does not divide the channels.

What it does
    Reports a `group` of a Convolution or Deconvolution that does not divide the channels of the
    bottom or `num_output`, and Intel's `stats_batch_size` that does not divide the batch.

Why it matters
    Set-up aborts: `Check failed: channels_ % group_ == 0 (1 vs. 0)` or `Number of output should
    be multiples of group.` Typical is a depthwise convolution whose `group` was kept while the
    layer above changed.

Which Caffe
    All; `stats_batch_size` in Intel Caffe.

Evidence
    LayerSetUp of base_conv_layer.cpp in every branch; batch_norm_layer.cpp @ Intel 1.1.6; verdicts
    of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, layer


@net_rule("NT020", "group-does-not-divide", Severity.ERROR, faults=(Kind.GROUP,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.GROUP)


VALID = (
    Example(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 4 }"),
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 6 kernel_size: 3 group: 3 }"),
        (4,),
    ),
)
