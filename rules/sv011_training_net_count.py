"""A solver without a net to train, or with several.

What it does
    Reports a solver that has none of `net`, `train_net`, `net_param` and `train_net_param`, or
    more than one.

Why it matters
    Caffe aborts: `SolverParameter must specify a train net using one of these fields` or `must
    not contain more than one of these fields specifying a train_net`.

Which Caffe
    All. Any number of test nets goes with one net to train.

Evidence
    Solver::InitTrainNet (src/caffe/solver.cpp) of every branch; verdicts of real builds of
    BVLC, SSD and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import findings


@solver_rule("SV011", "training-net-count", Severity.ERROR, faults=(SolverKind.TRAINING_NET,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.TRAINING_NET)


VALID = (
    Example(
        "bvlc",
        """\
net_param { }
base_lr: 0.1
lr_policy: "fixed"
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
base_lr: 0.1
lr_policy: "fixed"
""",
        (1,),
    ),
)
