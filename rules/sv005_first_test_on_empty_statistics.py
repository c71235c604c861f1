"""A test before the first step, when BatchNorm has no statistics yet.

What it does
    Reports a solver that tests at iteration 0 a net with BatchNorm, without naming weights to
    start from.

Why it matters
    The stored mean and variance are still 0, so the layer multiplies by 1 / sqrt(eps): the
    first line of the log shows a loss of 87.3, inf or millions. Training is not harmed, but
    people look for a fault there.

Which Caffe
    All. In NVIDIA 0.16 and later the test runs whatever `test_initialization` says (SV007).
    Weights given on the command line are not seen here.

Fix
    Safe: `test_initialization: false`; none in NVIDIA 0.16 and later.

Evidence
    NVIDIA/caffe#298, #307, HolmesShuan/ResNet-18-Caffemodel-on-ImageNet#15; seen in BVLC
    master and NVIDIA 0.14.5 to 0.17.4: a loss of 9.9e6 at iteration 0, 67 after two steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.lint.rule import Finding, Invalid, solver_rule
from protolint.net.solver import Solver

from ._solver import batchnorms, first_place, set_field, testing_nets

_FIELD = "test_initialization"


@solver_rule("SV005", "first-test-on-empty-statistics", Severity.INFO, words=("test_iter",))
def check(solver: Solver) -> Iterator[Finding]:
    message = solver.message
    ignored = not solver.dialect.obeys_test_initialization
    if solver.fine_tunes or "test_iter" not in message or message.integer("test_interval") <= 0:
        return
    if not message.flag(_FIELD) and not ignored:
        return
    if next(batchnorms(testing_nets(solver), "TEST"), None) is not None:
        yield Finding(
            first_place(message, "test_iter"),
            "the first test runs on empty statistics, so its numbers mean nothing; "
            "set test_initialization: false",
            fix=None if ignored else _fix(solver),
        )


def _fix(solver: Solver) -> Fix | None:
    before = solver.message.node_of("test_iter")
    if before is None:
        return None
    edit = set_field(solver.source, solver.message, _FIELD, "false", before)
    return Fix(f"Set {_FIELD}: false", (edit,)) if edit is not None else None


INVALID = (
    Invalid(
        "bvlc",
        """\
net: "net.prototxt"
base_lr: 0.1
test_iter: 10
test_interval: 100
""",
        (3,),
        fixed="""\
net: "net.prototxt"
base_lr: 0.1
test_initialization: false
test_iter: 10
test_interval: 100
""",
        others={
            "net.prototxt": """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
"""
        },
    ),
)
