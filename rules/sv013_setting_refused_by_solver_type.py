"""A setting that the type of the solver refuses.

What it does
    Reports `momentum` other than 0 with AdaGrad or RMSProp, and an `rms_decay` below 0 or not
    below 1 with RMSProp.

Why it matters
    Caffe aborts when the solver is made: `Momentum cannot be used with AdaGrad`, `rms_decay
    should lie between 0 and 1`.

Which Caffe
    All; Intel's RMSProp takes momentum.

Fix
    Safe: remove `momentum`, which these types have no use for.

Evidence
    include/caffe/sgd_solvers.hpp of every branch; verdicts of real builds of BVLC, SSD and
    NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind
from protolint.net.solver_init import solver_faults

from ._solver import removal


@solver_rule(
    "SV013", "setting-refused-by-solver-type", Severity.ERROR, faults=(SolverKind.BY_TYPE,)
)
def check(solver: Solver) -> Iterator[Finding]:
    for fault in solver_faults(solver, SolverKind.BY_TYPE):
        node = fault.node
        momentum = node is not None and node.name == "momentum"
        fix = removal(solver, node, "Remove momentum") if momentum else None
        yield Finding(fault.span, fault.message, fix=fix)


INVALID = (
    Invalid(
        "bvlc",
        """\
net: "a"
base_lr: 0.1
lr_policy: "fixed"
type: "AdaGrad"
momentum: 0.9
""",
        (5,),
        fixed="""\
net: "a"
base_lr: 0.1
lr_policy: "fixed"
type: "AdaGrad"
""",
    ),
)
