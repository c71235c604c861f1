"""More of SV009: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

VALID = (
    Example("bvlc", 'net: "a"\nsolver_type: ADAM\n'),
    Example("bvlc", 'net: "a"\ntype: "Adam"\n'),
)

INVALID = (Invalid("nvidia-0.17", 'solver_type: SGD\ntype: "Adam"\n', (1,), 'type: "Adam"\n'),)
