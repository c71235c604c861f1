"""More of NT015: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example("bvlc", _INPUT + _layer("Pooling", "pooling_param { global_pooling: true }")),
    Example(
        "bvlc", _INPUT + _layer("Convolution", "convolution_param { num_output: 4 kernal_size: 3 }")
    ),
    Example("bvlc", 'layer { name: "d" type: "Data" top: "x" }\n'),
    # DIGITS completes both.
    Example(
        "nvidia-0.15", 'layer { name: "d" type: "Data" top: "x" }\n' + _layer("InnerProduct", "")
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.17", _INPUT + _layer("Convolution", "convolution_param { num_output: 3 }"), (4,)
    ),
    Invalid("nvidia-0.15", _INPUT + _layer("Pooling", "pooling_param { pool: MAX }"), (4,)),
    Invalid("bvlc", _INPUT + _layer("InnerProduct", ""), (2,)),
    Invalid("bvlc", _INPUT + _layer("Tile", "tile_param { axis: 1 }"), (4,)),
    Invalid(
        "ssd", _INPUT + _layer("PriorBox", 'bottom: "x" prior_box_param { max_size: 3 }'), (4,)
    ),
)
