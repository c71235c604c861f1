"""More of NT028: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Invalid
from protolint.rules._construction import INPUT, layer

INVALID = (
    Invalid(
        "nvidia-0.14",
        INPUT + layer("ReLU", "exclude { phase: TRAIN } include { phase: TEST }"),
        (4,),
    ),
)
