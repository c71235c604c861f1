"""More of NT027: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example("bvlc", INPUT + layer("ReLU", "loss_weight: [1, 1]") + layer("TanH", "", "y", "z")),
)

INVALID = (Invalid("nvidia-0.17", INPUT + layer("Slice", 'top: "z" loss_weight: 1'), (4,)),)
