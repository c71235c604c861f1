"""A number in a solver that training stops or breaks at.

What it does
    Reports `average_loss` and `iter_size` below 1; `lr_policy: "step"` without a
    `stepsize`; where BVLC checks them also a `stepsize` or `gamma` below 0 and `sigmoid`
    without `stepsize`; `max_iter: 0` with `poly`, which divides by it; in NVIDIA 0.17 a
    `min_lr` below 0 or, with `poly`, above `base_lr`.

Why it matters
    Caffe aborts (`Check failed: stepsize() > 0`), dies of a division by zero without a message
    (`step` without `stepsize`), waits without end (`iter_size: 0` in NVIDIA 0.16 and later),
    or every number of the log is NaN.

Which Caffe
    All; which of the conditions hold is looked up for each.

Evidence
    Solver::Init, Solver::Step and GetLearningRate (src/caffe/solver.cpp,
    solvers/sgd_solver.cpp) of every branch; verdicts of real builds of BVLC, SSD and NVIDIA
    0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import NET, findings


@solver_rule("SV014", "solver-value-out-of-range", Severity.ERROR, faults=(SolverKind.RANGE,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.RANGE)


_STEP = 'net: "net.prototxt"\nlr_policy: "step"\n'


VALID = (Example("bvlc", f"{_STEP}stepsize: 10\ngamma: 0\n", NET),)
INVALID = (Invalid("bvlc", _STEP, (2,), None, NET),)
