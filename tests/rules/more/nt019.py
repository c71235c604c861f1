"""More of NT019: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 11 pad: 1 }"),
    ),
)
INVALID = (
    Invalid("nvidia-0.17", INPUT + layer("Pooling", "pooling_param { kernel_size: 12 }"), (3,)),
    Invalid(
        "bvlc",
        INPUT + INPUT.replace('"x"', '"z"').replace("9, 9", "9, 10") + layer("Crop", 'bottom: "z"'),
        (5,),
    ),
)
