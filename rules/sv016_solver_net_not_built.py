"""A net that is not built in the state the solver asks for.

What it does
    Reports a net of the solver that the Caffe does not read, or does not build with the phase,
    stages and level of the solver's `train_state` or `test_state`, and names the first reason.
    A `net` is tested only where there is a `test_iter`. What the rules on nets already report
    of a net inside the solver is not repeated.

Why it matters
    Caffe aborts when the solver is made; the net checked alone may be right in every state
    that it has data for.

Which Caffe
    All.

What to do
    Mend the net, or give the state in which it has data.

Evidence
    Solver::InitTrainNet, InitTestNets (src/caffe/solver.cpp) of every branch; verdicts of real
    builds of BVLC, SSD and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import NET, findings


@solver_rule("SV016", "solver-net-not-built", Severity.ERROR, faults=(SolverKind.NET,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.NET)


_SOLVER = 'net: "net.prototxt"\n'
_STAGES = {"net.prototxt": NET["net.prototxt"].replace("top", 'include { stage: "a" } top', 1)}


VALID = (Example("bvlc", f'{_SOLVER}train_state {{ stage: "a" }}\n', _STAGES),)
INVALID = (Invalid("bvlc", _SOLVER, (1,), None, _STAGES),)
