"""Weights that a solver starts from and that are not there.

What it does
    Reports a file named by `weights` without a folder that lies neither in the working
    directory nor beside the solver nor in a folder above it in the project.

Why it matters
    Caffe aborts as soon as the solver is made: `Couldn't open pre.caffemodel`.

Which Caffe
    BVLC; the others do not know the field. A name with a folder may be right from another
    working directory and is not looked at.

Evidence
    Solver::InitTrainNet (src/caffe/solver.cpp) of BVLC master; verdicts of a real build.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import NET, findings


@solver_rule(
    "SV018",
    "weights-file-not-found",
    Severity.ERROR,
    where=lambda caffe: caffe.solving.loads_weights,
    faults=(SolverKind.WEIGHTS_FILE,),
)
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.WEIGHTS_FILE)


_SOLVER = 'net: "net.prototxt"\n'


VALID = (Example("bvlc", f'{_SOLVER}weights: "a.caffemodel"\n', {**NET, "a.caffemodel": ""}),)
INVALID = (Invalid("bvlc", f'{_SOLVER}weights: "a.caffemodel"\n', (2,), None, NET),)
