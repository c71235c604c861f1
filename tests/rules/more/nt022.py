"""More of NT022: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (Example("bvlc", INPUT + layer("ReLU", "")),)
INVALID = (
    Invalid(
        "bvlc",
        'input: "x" input_dim: [2, 0, 8, 8]\n'
        + layer("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }"),
        (4,),
    ),
    Invalid("bvlc", 'input: "x" input_dim: [999999, 3, 999, 999]\n' + layer("ReLU", ""), (1,)),
)
