"""More of NT018: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example("bvlc", _INPUT + _layer("Flatten", "flatten_param { axis: 2 }")),
    Example("bvlc", _INPUT + _layer("Pooling", "pooling_param { kernel_size: 2 }")),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        _INPUT + _layer("InnerProduct", "inner_product_param { num_output: 2 axis: -5 }"),
        (4,),
    ),
    Invalid("bvlc", _INPUT + _layer("Scale", "scale_param { axis: 2 num_axes: 3 }"), (4,)),
    Invalid(
        "nvidia-0.15",
        'input: "x" input_shape { dim: [2, 3] }\n'
        + _layer("Pooling", "pooling_param { kernel_size: 2 }"),
        (3,),
    ),
)
