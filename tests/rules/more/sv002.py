"""More of SV002: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

VALID = (
    Example("bvlc", "base_lr: 0.1\ntest_interval: 100\n"),
    Example("nvidia-0.17", "base_lr: 0.1\n"),
)

INVALID = (Invalid("nvidia-0.15", "base_lr: 0.1\ntest_interval: 0\ntest_iter: [10, 20]\n", (3,)),)
