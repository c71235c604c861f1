"""A test net whose layers do not fit those that are trained.

What it does
    Reports a test net with a layer that has the name of a layer of the training net and other
    blobs: more of them, or of other shapes.

Why it matters
    The first test aborts: `Incompatible number of blobs for layer ip` or `Cannot share param 0
    weights from layer`.

Which Caffe
    All.

What to do
    Give both layers the same `num_output` and input, or another name to the one that is meant
    to be its own.

Evidence
    Net::ShareTrainedLayersWith (src/caffe/net.cpp) of every branch.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import NET, findings


@solver_rule("SV017", "test-net-unlike-training-net", Severity.ERROR, faults=(SolverKind.SHARING,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.SHARING)


_SOLVER = 'train_net: "net.prototxt"\ntest_net: "test.prototxt"\ntest_iter: 1\ntest_interval: 9\n'


def _nets(*pairs: str) -> dict[str, str]:
    text = NET["net.prototxt"]
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        text = text.replace(old, new)
    return {**NET, "test.prototxt": text}


VALID = (
    Example("bvlc", _SOLVER, _nets("2, 3", "5, 3")),
    Example("bvlc", _SOLVER, _nets('name: "ip"', 'name: "own"', "output: 2", "output: 3")),
)
INVALID = (
    Invalid("bvlc", _SOLVER, (2,), None, _nets("num_output: 2", "num_output: 3")),
    Invalid("bvlc", _SOLVER, (2,), None, _nets("num_output: 2", "num_output: 2 bias_term: false")),
    Invalid("nvidia-0.17", _SOLVER, (2,), None, _nets("2, 3", "2, 4")),
)
