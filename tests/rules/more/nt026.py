"""More of NT026: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Invalid
from protolint.rules._construction import INPUT, layer

INVALID = (
    Invalid("nvidia-0.17", INPUT + layer("Eltwise", 'bottom: "x" propagate_down: false'), (4,)),
)
