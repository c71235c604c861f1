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

from ._solver import NET, findings


@solver_rule("SV011", "training-net-count", Severity.ERROR, faults=(SolverKind.TRAINING_NET,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.TRAINING_NET)


_FIXED = 'base_lr: 0.1\nlr_policy: "fixed"\n'


VALID = (
    Example("bvlc", f'net: "net.prototxt"\n{_FIXED}', NET),
    Example("bvlc", f'train_net: "net.prototxt"\ntest_net: "a"\ntest_net: "b"\n{_FIXED}', NET),
    Example("bvlc", f"net_param {{ }}\n{_FIXED}"),
)
INVALID = (
    Invalid("bvlc", f"{_FIXED}", (1,)),
    Invalid("bvlc", f'test_net: "net.prototxt"\n{_FIXED}', (1,), None, NET),
    Invalid(
        "nvidia-0.17",
        f'net: "net.prototxt"\ntrain_net: "net.prototxt"\n{_FIXED}',
        (2,),
        None,
        NET,
    ),
    Invalid("nvidia-0.14", f'net: "net.prototxt"\n{_FIXED}net_param {{ }}\n', (1,), None, NET),
)
