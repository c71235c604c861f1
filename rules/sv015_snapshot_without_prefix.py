"""Snapshots that have no name.

What it does
    Reports `snapshot` above 0 without `snapshot_prefix`.

Why it matters
    Caffe aborts: `In solver params, snapshot is specified but snapshot_prefix is not`.

Which Caffe
    All but BVLC master, which takes the solver's own name.

Evidence
    CheckSnapshotWritePermissions (src/caffe/solver.cpp) of every branch;
    UpgradeSnapshotPrefixProperty (src/caffe/util/upgrade_proto.cpp) of BVLC master.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import NET, findings


@solver_rule(
    "SV015",
    "snapshot-without-prefix",
    Severity.ERROR,
    where=lambda caffe: not caffe.solving.has_snapshot_prefix,
    faults=(SolverKind.SNAPSHOT,),
)
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.SNAPSHOT)


_SOLVER = 'net: "net.prototxt"\n'


VALID = (Example("ssd", _SOLVER, NET),)
INVALID = (Invalid("ssd", f"{_SOLVER}snapshot: 10\n", (2,), None, NET),)
