"""More of NT014: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example(
        "bvlc",
        INPUT + layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3  }"),
    ),
    Example(
        "bvlc", INPUT + 'layer { name: "n" type: "Eltwise" bottom: "x" bottom: "x" top: "y" }\n'
    ),
    Example("bvlc", INPUT + 'layer { name: "s" type: "Silence" bottom: "x" }\n'),
    Example("bvlc", INPUT + layer("BatchNorm", 'top: "z"')),
)
INVALID = (
    Invalid("nvidia-0.17", INPUT + layer("Eltwise", ""), (2,)),
    Invalid(
        "nvidia-0.14",
        INPUT + layer("InnerProduct", 'inner_product_param { num_output: 3 } top: "z"'),
        (4,),
    ),
    Invalid(
        "bvlc",
        INPUT
        + layer("Convolution", 'convolution_param { num_output: 4 kernel_size: 3  } top: "z"'),
        (2,),
    ),
    Invalid(
        "bvlc",
        INPUT + layer("Pooling", 'pooling_param { pool: AVE kernel_size: 2 } top: "z"'),
        (4,),
    ),
)
