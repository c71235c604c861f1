"""More of PL001: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

VALID = (
    Example("bvlc", "# protolint: ignore-file[PT001, unknown-bottom] a fragment\n"),
    Example("bvlc", 'name: "# protolint: nonsense"  # protolint is a linter\n'),
)

INVALID = (
    Invalid("bvlc", "# protolint: ignore[]\n# protolint: noqa[BN001]\n", (1, 2)),
    Invalid("bvlc", "# protolint: ignore[BN0001] why\n", (1,)),
    Invalid("bvlc", "# protolint: enable[BN001]\n# protolint: target=caffe2\n", (1, 2)),
)
