"""More of NT019: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example(
        "bvlc",
        _INPUT
        + _layer("Convolution", "convolution_param { num_output: 4 kernel_size: 11 pad: 1 }"),
    ),
)
INVALID = (
    Invalid("nvidia-0.17", _INPUT + _layer("Pooling", "pooling_param { kernel_size: 12 }"), (3,)),
    Invalid(
        "bvlc",
        _INPUT
        + _INPUT.replace('"x"', '"z"').replace("9, 9", "9, 10")
        + _layer("Crop", 'bottom: "z"'),
        (5,),
    ),
)
