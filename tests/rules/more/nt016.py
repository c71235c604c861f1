"""More of NT016: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example("bvlc", INPUT + layer("Concat", "concat_param { axis: 1 }")),
    Example("bvlc", INPUT + layer("Eltwise", 'bottom: "x" eltwise_param { coeff: [1, -1] }')),
    Example("bvlc", INPUT + layer("Slice", 'top: "z" slice_param { slice_point: 2 }')),
)
INVALID = (
    Invalid("bvlc", INPUT + layer("Concat", "concat_param { axis: 1 concat_dim: 1 }"), (4,)),
    Invalid(
        "nvidia-0.17", INPUT + layer("Eltwise", 'bottom: "x" eltwise_param { coeff: 1 }'), (4,)
    ),
    Invalid(
        "nvidia-0.14",
        INPUT + layer("Eltwise", 'bottom: "x" eltwise_param { operation: PROD coeff: [1, 1] }'),
        (4,),
    ),
    Invalid("bvlc", INPUT + layer("Slice", "slice_param { slice_point: 2 }"), (4,)),
    Invalid("ssd", INPUT + layer("Permute", "permute_param { order: [0, 2, 2] }"), (4,)),
    Invalid(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: [3, 3, 3] }"),
        (4,),
    ),
)
