"""More of NT022: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (Example("bvlc", _INPUT + _layer("ReLU", "")),)
INVALID = (
    Invalid(
        "bvlc",
        'input: "x" input_dim: [2, 0, 8, 8]\n'
        + _layer("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }"),
        (4,),
    ),
    Invalid("bvlc", 'input: "x" input_dim: [999999, 3, 999, 999]\n' + _layer("ReLU", ""), (1,)),
)
