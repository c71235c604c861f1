"""More of NT014: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example(
        "bvlc",
        _INPUT + _layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3  }"),
    ),
    Example(
        "bvlc", _INPUT + 'layer { name: "n" type: "Eltwise" bottom: "x" bottom: "x" top: "y" }\n'
    ),
    Example("bvlc", _INPUT + 'layer { name: "s" type: "Silence" bottom: "x" }\n'),
    Example("bvlc", _INPUT + _layer("BatchNorm", 'top: "z"')),
)
INVALID = (
    Invalid("nvidia-0.17", _INPUT + _layer("Eltwise", ""), (2,)),
    Invalid(
        "nvidia-0.14",
        _INPUT + _layer("InnerProduct", 'inner_product_param { num_output: 3 } top: "z"'),
        (4,),
    ),
    Invalid(
        "bvlc",
        _INPUT
        + _layer("Convolution", 'convolution_param { num_output: 4 kernel_size: 3  } top: "z"'),
        (2,),
    ),
    Invalid(
        "bvlc",
        _INPUT + _layer("Pooling", 'pooling_param { pool: AVE kernel_size: 2 } top: "z"'),
        (4,),
    ),
)
