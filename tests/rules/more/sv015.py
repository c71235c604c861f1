"""More of SV015: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET
from protolint.rules.sv015_snapshot_without_prefix import _SOLVER

VALID = (
    Example("nvidia-0.17", f"{_SOLVER}snapshot: 0\n", NET),
    Example("ssd", f'{_SOLVER}snapshot: 10\nsnapshot_prefix: "a"\n', NET),
)

INVALID = (Invalid("nvidia-0.14", f"{_SOLVER}snapshot: 10\n", (2,), None, NET),)
