"""More of SV018: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET
from protolint.rules.sv018_weights_file_not_found import _SOLVER

VALID = (
    Example("bvlc", _SOLVER, NET),
    Example("bvlc", f'{_SOLVER}weights: "models/a.caffemodel"\n', NET),
)

INVALID = (
    Invalid(
        "bvlc",
        f'{_SOLVER}weights: "b.caffemodel, a.caffemodel"\n',
        (2,),
        None,
        {**NET, "b.caffemodel": ""},
    ),
)
