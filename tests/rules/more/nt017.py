"""More of NT017: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def _layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'


_BOXES = """\
layer { name: "d" type: "AnnotatedData" top: "x" top: "t" data_param { source: "s" }
  transform_param { %s } }
"""

VALID = (
    Example("nvidia-0.17", _BOXES % "expand_param { max_expand_ratio: 1 }"),
    Example("bvlc", _INPUT + _layer("LRN", "lrn_param { local_size: 3 }")),
    Example("bvlc", _INPUT + _layer("Pooling", "pooling_param { kernel_size: 3 pad: 2 }")),
    Example("bvlc", _INPUT + _layer("Exp", "exp_param { base: 2 }")),
    Example("bvlc", _INPUT + _layer("Slice", 'top: "z" slice_param { slice_point: 3 }')),
)
INVALID = (
    Invalid("intel", _BOXES % "expand_param { max_expand_ratio: 1 }", (2,)),
    Invalid("bvlc", _INPUT + _layer("LRN", "lrn_param { local_size: 4 }"), (4,)),
    Invalid(
        "nvidia-0.17", _INPUT + _layer("Pooling", "pooling_param { kernel_size: 2 pad: 2 }"), (4,)
    ),
    Invalid("nvidia-0.14", _INPUT + _layer("Exp", "exp_param { base: -2 }"), (4,)),
    Invalid(
        "bvlc",
        _INPUT
        + _layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 0 }"),
        (4,),
    ),
    Invalid(
        "nvidia-0.15",
        _INPUT
        + _layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 0 }"),
        (4,),
    ),
    Invalid("bvlc", _INPUT + _layer("Slice", 'top: "z" slice_param { slice_point: 9 }'), (4,)),
    Invalid(
        "ssd",
        _INPUT + _layer("PriorBox", 'bottom: "x" prior_box_param { min_size: 9 max_size: 4 }'),
        (4,),
    ),
)
