"""More of NT018: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example("bvlc", INPUT + layer("Flatten", "flatten_param { axis: 2 }")),
    Example("bvlc", INPUT + layer("Pooling", "pooling_param { kernel_size: 2 }")),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        INPUT + layer("InnerProduct", "inner_product_param { num_output: 2 axis: -5 }"),
        (4,),
    ),
    Invalid("bvlc", INPUT + layer("Scale", "scale_param { axis: 2 num_axes: 3 }"), (4,)),
    Invalid(
        "nvidia-0.15",
        'input: "x" input_shape { dim: [2, 3] }\n'
        + layer("Pooling", "pooling_param { kernel_size: 2 }"),
        (3,),
    ),
)
