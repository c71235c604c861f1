"""A solver type in both its old and its new field.

What it does
    Reports a solver that has `solver_type` and `type`, even if they say the same.

Why it matters
    Caffe aborts while it reads the file: `Failed to upgrade solver: old solver_type field
    (enum) and new type field (string) cannot be both specified`.

Which Caffe
    All but NVIDIA 0.14, which knows `solver_type` only.

Fix
    Safe where both name the same type, else unsafe: remove `solver_type`.

Evidence
    UpgradeSolverType (src/caffe/util/upgrade_proto.cpp) of every branch; jolibrain/caffe#53;
    verdicts of real builds of BVLC, SSD and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.legacy import SOLVER_TYPES
from protolint.diagnostic import Severity
from protolint.edit import Applicability
from protolint.lint.rule import Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind
from protolint.net.solver_init import solver_faults

from ._solver import removal


@solver_rule(
    "SV009",
    "solver-type-given-twice",
    Severity.ERROR,
    where=lambda caffe: not caffe.names_solvers_by_enum,
    faults=(SolverKind.TYPE_TWICE,),
)
def check(solver: Solver) -> Iterator[Finding]:
    message = solver.message
    for fault in solver_faults(solver, SolverKind.TYPE_TWICE):
        fix = removal(solver, fault.node, "Remove solver_type")
        agree = SOLVER_TYPES.get(message.text("solver_type")) == message.text("type")
        if fix is not None and not agree:
            fix = fix._replace(applicability=Applicability.UNSAFE)
        yield Finding(fault.span, fault.message, fix=fix)


INVALID = (Invalid("bvlc", 'type: "Adam"\nsolver_type: ADAM\n', (2,), 'type: "Adam"\n'),)
