"""An axis that the blob does not have.

What it does
    Reports an `axis` that the bottom does not have, a number of axes that the layer does not
    take, and axes that go beyond those of the bottom. BN018 does so for BatchNorm.

Why it matters
    Set-up aborts: `axis 3 out of range for 2-D Blob with shape 2 4 (8)`, `Input must have 4 axes,
    corresponding to (num, channels, height, width)`, `Cannot use legacy accessors on Blobs with >
    4 axes.`, `scale blob's shape extends past bottom[0]'s shape`, `end_axis = axis + num_axes is
    out of range`, `order should be less than the input dimension.`

Which Caffe
    All. An axis below 0 counts from the end.

Evidence
    CanonicalAxisIndex of include/caffe/blob.hpp and Reshape of each layer; verdicts of real
    builds of BVLC, SSD, Intel and NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, layer


@net_rule("NT018", "axis-out-of-range", Severity.ERROR, faults=(Kind.AXIS,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.AXIS)


VALID = (Example("bvlc", INPUT + layer("Softmax", "softmax_param { axis: -1 }")),)
INVALID = (Invalid("bvlc", INPUT + layer("Softmax", "softmax_param { axis: 4 }"), (4,)),)
