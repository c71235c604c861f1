"""More of SV007: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_SOLVER = "base_lr: 0.1\ntest_iter: 10\ntest_interval: 100\ntest_initialization: %s\n"


VALID = (
    Example("nvidia-0.17", "base_lr: 0.1\ntest_initialization: false\n"),
    Example("nvidia-0.17", "base_lr: 0.1\ntest_iter: 10\ntest_interval: 100\n"),
)

INVALID = (
    Invalid("nvidia-0.16", _SOLVER % "0", (4,)),
    Invalid("nvidia-0.16.1", _SOLVER % "f", (4,)),
)
