"""Snapshots in the old format, whose factor may be 0.

What it does
    Reports `store_blobs_in_old_format: true` where a net of the solver has a BatchNorm.

Why it matters
    The third blob of a BatchNorm is not used by these releases. 0.16.3 and 0.16.4 save it as 0
    and BVLC Caffe divides by it, taking 0 for "no statistics yet": mean and variance read as 0.
    From 0.16.5 on it is saved as 1, which is right, unless an older file was loaded before.

Which Caffe
    NVIDIA 0.16, where the release decides, and 0.17, as advice. Elsewhere the field is not
    known (PT003).

Evidence
    NVIDIA/caffe#436; seen in 0.16.6 and 0.17.4, which save 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver

from ._solver import first_place

_FIELD = "store_blobs_in_old_format"


@solver_rule(
    "SV003",
    "old-format-snapshot",
    Severity.WARNING,
    where=lambda caffe: caffe.writes_raw_data,
    words=(_FIELD,),
)
def check(solver: Solver) -> Iterator[Finding]:
    if not solver.message.flag(_FIELD) or not any(net.batchnorms for net in solver.nets):
        return
    if not solver.dialect.may_write_factor_zero:
        message = f"{solver.dialect.name} writes factor 1 in this format; 0.16.3 and 0.16.4 wrote 0"
        message += ", which BVLC Caffe reads as empty statistics; leave it where that is not used"
        severity = Severity.INFO
    else:
        message = "NVIDIA Caffe 0.16.3 and 0.16.4 write factor 0 in this format; "
        message += "BVLC Caffe will read empty statistics: remove the field"
        severity = Severity.WARNING
    yield Finding(first_place(solver.message, _FIELD), message, severity=severity)


VALID = (
    Example(
        "nvidia-0.16",
        """\
net: "net.prototxt"
base_lr: 0.1
store_blobs_in_old_format: false
""",
        others={"net.prototxt": 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'},
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.16",
        """\
net: "net.prototxt"
base_lr: 0.1
store_blobs_in_old_format: true
""",
        (3,),
        others={"net.prototxt": 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'},
    ),
)
