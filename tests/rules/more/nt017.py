"""More of NT017: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer
from protolint.rules.nt017_parameter_out_of_range import _BOXES

VALID = (
    Example("nvidia-0.17", _BOXES % "expand_param { max_expand_ratio: 1 }"),
    Example("bvlc", INPUT + layer("LRN", "lrn_param { local_size: 3 }")),
    Example("bvlc", INPUT + layer("Pooling", "pooling_param { kernel_size: 3 pad: 2 }")),
    Example("bvlc", INPUT + layer("Exp", "exp_param { base: 2 }")),
    Example("bvlc", INPUT + layer("Slice", 'top: "z" slice_param { slice_point: 3 }')),
)
INVALID = (
    Invalid("intel", _BOXES % "expand_param { max_expand_ratio: 1 }", (2,)),
    Invalid("bvlc", INPUT + layer("LRN", "lrn_param { local_size: 4 }"), (4,)),
    Invalid(
        "nvidia-0.17", INPUT + layer("Pooling", "pooling_param { kernel_size: 2 pad: 2 }"), (4,)
    ),
    Invalid("nvidia-0.14", INPUT + layer("Exp", "exp_param { base: -2 }"), (4,)),
    Invalid(
        "bvlc",
        INPUT
        + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 0 }"),
        (4,),
    ),
    Invalid(
        "nvidia-0.15",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 0 }"),
        (4,),
    ),
    Invalid("bvlc", INPUT + layer("Slice", 'top: "z" slice_param { slice_point: 9 }'), (4,)),
    Invalid(
        "ssd",
        INPUT + layer("PriorBox", 'bottom: "x" prior_box_param { min_size: 9 max_size: 4 }'),
        (4,),
    ),
)
