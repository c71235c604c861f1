"""More of NT015: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT, layer

VALID = (
    Example("bvlc", INPUT + layer("Pooling", "pooling_param { global_pooling: true }")),
    Example(
        "bvlc", INPUT + layer("Convolution", "convolution_param { num_output: 4 kernal_size: 3 }")
    ),
    Example("bvlc", 'layer { name: "d" type: "Data" top: "x" }\n'),
    # DIGITS completes both.
    Example(
        "nvidia-0.15", 'layer { name: "d" type: "Data" top: "x" }\n' + layer("InnerProduct", "")
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.17", INPUT + layer("Convolution", "convolution_param { num_output: 3 }"), (4,)
    ),
    Invalid("nvidia-0.15", INPUT + layer("Pooling", "pooling_param { pool: MAX }"), (4,)),
    Invalid("bvlc", INPUT + layer("InnerProduct", ""), (2,)),
    Invalid("bvlc", INPUT + layer("Tile", "tile_param { axis: 1 }"), (4,)),
    Invalid("ssd", INPUT + layer("PriorBox", 'bottom: "x" prior_box_param { max_size: 3 }'), (4,)),
)
