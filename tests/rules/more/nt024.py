"""More of NT024: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example("bvlc", INPUT + layer("InnerProduct", "inner_product_param { num_output: 3 }")),
    Example("bvlc", INPUT + layer("BatchNorm", "param { } param { } param { } param { } ")),
)

INVALID = (
    Invalid("nvidia-0.17", INPUT + layer("ReLU", "param { lr_mult: 1 }"), (4,)),
    Invalid("nvidia-0.14", INPUT + layer("PReLU", "param { } param { }"), (4,)),
)
