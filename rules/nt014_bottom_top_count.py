"""More or fewer bottoms or tops than the layer type takes.

What it does
    Counts the bottoms and tops of every layer against what its type takes: an exact number, at
    least or at most so many, or as many tops as bottoms. BN031 does so for BatchNorm.

Why it matters
    Set-up aborts: `ReLU Layer takes 1 bottom blob(s) as input.`, `Eltwise Layer takes at least 2
    bottom blob(s) as input.`, `InnerProduct Layer produces 1 top blob(s) as output.` or
    `Convolution Layer produces one top blob as output for each bottom blob input.` A loss without
    a top gets one.

Which Caffe
    All. Accuracy has any number of tops in NVIDIA 0.14 to 0.16, InfogainLoss a second top in
    BVLC and Intel only, SmoothL1Loss weights in Intel only.

Evidence
    CheckBlobCounts of include/caffe/layer.hpp in every branch; verdicts of real builds of BVLC,
    SSD, Intel and NVIDIA 0.14 to 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import INPUT, findings, is_batchnorm, layer


@net_rule("NT014", "bottom-top-count", Severity.ERROR, faults=(Kind.COUNT,))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.COUNT, where=lambda fault: not is_batchnorm(fault))


VALID = (Example("bvlc", INPUT + layer("ReLU", "")),)
INVALID = (Invalid("bvlc", INPUT + layer("ReLU", 'bottom: "x"'), (4,)),)
