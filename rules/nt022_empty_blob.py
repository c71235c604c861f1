"""A blob that holds nothing, or more than a blob can.

What it does
    Reports a blob with an axis of 0 where a layer fills it, divides by its size or asks for its
    memory, and a blob of more than 2147483647 values.

Why it matters
    Set-up aborts: `Check failed: data_`, `Check failed: blob->count()`, `blob size exceeds
    INT_MAX`; or the process is killed (SIGFPE). A window that just does not fit makes such a
    blob.

Which Caffe
    All. Until NVIDIA 0.15 every axis behind an axis of 0 divides by zero; NVIDIA 0.16 and later
    take empty blobs where nothing fills them. NVIDIA Caffe shares a batch among GPUs, so that a
    blob below a data layer may be smaller than the file says.

Evidence
    Blob::Reshape of src/caffe/blob.cpp, include/caffe/filler.hpp; verdicts of real builds.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._construction import findings, layer


@net_rule("NT022", "empty-blob", Severity.ERROR, faults=(Kind.EMPTY, Kind.SIZE))
def check(net: Net) -> Iterator[Finding]:
    return findings(net, Kind.EMPTY, Kind.SIZE)


VALID = (Example("bvlc", 'input: "x" input_dim: [0, 3, 8, 8]\n' + layer("ReLU", "")),)
INVALID = (
    Invalid("nvidia-0.14", 'input: "x" input_dim: [0, 3, 8, 8]\n' + layer("ReLU", ""), (1,)),
)
