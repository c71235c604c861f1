"""A `test_initialization: false` that nobody reads.

What it does
    Reports `test_initialization: false` in a solver that tests.

Why it matters
    No code of these releases looks at the field: the test at iteration 0 runs all the same,
    takes its time and, for a net with BatchNorm, shows meaningless numbers (SV005).

Which Caffe
    NVIDIA 0.16 and later. BVLC and NVIDIA 0.14 and 0.15 obey it.

Evidence
    solver.cpp of caffe-0.16 and caffe-0.17; seen in 0.16.6 and 0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver

from ._solver import first_place

_FIELD = "test_initialization"


@solver_rule(
    "SV007",
    "test-initialization-ignored",
    Severity.INFO,
    where=lambda caffe: not caffe.obeys_test_initialization,
    words=(_FIELD,),
)
def check(solver: Solver) -> Iterator[Finding]:
    message = solver.message
    if _FIELD in message and not message.flag(_FIELD) and "test_iter" in message:
        yield Finding(
            first_place(message, _FIELD),
            f"{_FIELD} has no effect in {solver.dialect.name}, and the test at iteration 0 runs; "
            "remove it",
        )


VALID = (
    Example(
        "nvidia-0.17",
        """\
base_lr: 0.1
test_iter: 10
test_interval: 100
test_initialization: true
""",
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
base_lr: 0.1
test_iter: 10
test_interval: 100
test_initialization: false
""",
        (4,),
    ),
)
