"""More of NT025: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT
from protolint.rules.nt025_shared_parameter_mismatch import _ROW

VALID = (Example("bvlc", INPUT + _ROW % (3, "a", "a", "") + _ROW % (3, "b", "b", "lr_mult: 2")),)

INVALID = (
    Invalid(
        "nvidia-0.17",
        INPUT + _ROW % (3, "a", "a", "lr_mult: 1") + _ROW % (3, "b", "b", "lr_mult: 2"),
        (3,),
    ),
    Invalid(
        "nvidia-0.15",
        INPUT + _ROW % (3, "a", "a", "") + _ROW % (5, "b", "b", "share_mode: PERMISSIVE"),
        (3,),
    ),
)
