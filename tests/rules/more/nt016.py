"""More of NT016: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


VALID = (
    Example("bvlc", _INPUT + _layer("Concat", "concat_param { axis: 1 }")),
    Example("bvlc", _INPUT + _layer("Eltwise", 'bottom: "x" eltwise_param { coeff: [1, -1] }')),
    Example("bvlc", _INPUT + _layer("Slice", 'top: "z" slice_param { slice_point: 2 }')),
)
INVALID = (
    Invalid("bvlc", _INPUT + _layer("Concat", "concat_param { axis: 1 concat_dim: 1 }"), (4,)),
    Invalid(
        "nvidia-0.17", _INPUT + _layer("Eltwise", 'bottom: "x" eltwise_param { coeff: 1 }'), (4,)
    ),
    Invalid(
        "nvidia-0.14",
        _INPUT + _layer("Eltwise", 'bottom: "x" eltwise_param { operation: PROD coeff: [1, 1] }'),
        (4,),
    ),
    Invalid("bvlc", _INPUT + _layer("Slice", "slice_param { slice_point: 2 }"), (4,)),
    Invalid("ssd", _INPUT + _layer("Permute", "permute_param { order: [0, 2, 2] }"), (4,)),
    Invalid(
        "bvlc",
        _INPUT
        + _layer("Convolution", "convolution_param { num_output: 4 kernel_size: [3, 3, 3] }"),
        (4,),
    ),
)
