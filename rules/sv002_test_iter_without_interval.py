"""A number of test batches without a test interval.

What it does
    Reports a solver with `test_iter` whose `test_interval` is missing or not above 0.

Why it matters
    Caffe aborts before training: `Check failed: param_.test_interval() > 0`.

Which Caffe
    All. A `test_interval` without `test_iter` is accepted: there is nothing to test.

Evidence
    Solver::InitTestNets (src/caffe/solver.cpp) of every branch; seen in BVLC master and NVIDIA
    0.14.5 to 0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import findings


@solver_rule("SV002", "test-iter-without-interval", Severity.ERROR, faults=(SolverKind.INTERVAL,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.INTERVAL)


VALID = (Example("bvlc", "base_lr: 0.1\ntest_iter: 10\ntest_interval: 100\n"),)
INVALID = (Invalid("bvlc", "base_lr: 0.1\ntest_iter: 10\ntest_iter: 20\n", (2,)),)
