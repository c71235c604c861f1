"""As many test_iter or test_state as there are not test nets.

What it does
    Reports `test_iter` that does not give one number for each test net, and `test_state` that
    does not give one state for each. With `net` or `net_param` every further `test_iter` is
    one more test of that net.

Why it matters
    Caffe aborts: `test_iter must be specified for each test network` or `test_state must be
    unspecified or specified once per test net`.

Which Caffe
    All.

Evidence
    Solver::InitTestNets (src/caffe/solver.cpp) of every branch; verdicts of real builds of
    BVLC, SSD and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import NET, findings


@solver_rule("SV012", "test-net-count", Severity.ERROR, faults=(SolverKind.TEST_NETS,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.TEST_NETS)


_TRAINED, _SAME = 'train_net: "net.prototxt"\n', 'net: "net.prototxt"\n'
_TESTS = "test_interval: 9\n"


VALID = (Example("bvlc", f'net: "net.prototxt"\ntest_iter: [1, 2]\n{_TESTS}', NET),)
INVALID = (Invalid("bvlc", f'train_net: "net.prototxt"\ntest_iter: 1\n{_TESTS}', (2,), None, NET),)
