"""More of NT011: a layer that no state keeps in a net with another fault."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt011_kernel_given_twice import _PARAMETER


def _layer(type: str, fields: str) -> str:
    param = _PARAMETER[type]
    return (
        f'layer {{\n  name: "a" type: "{type}" bottom: "x" top: "a"\n  {param} {{ {fields} }}\n}}\n'
    )


_C, _P = "Convolution", "Pooling"

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "a" type: "Convolution" bottom: "x" top: "a" include { min_level: 1 }
  convolution_param { kernel_h: 3 } }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
""",
    ),
    Example("bvlc", _layer(_P, "kernel_h: 3 kernel_w: 1 pad: 1 stride: 2")),
    Example("bvlc", _layer(_C, "kernel_size: [3, 1] pad_h: 1")),
    Example("bvlc", _layer(_C, "kernel_size: 3 kernel_size: 1 stride_h: 1 stride_w: 1")),
    Example("bvlc", _layer(_P, "global_pooling: true pad: 0 stride: 1")),
    Example("bvlc", _layer(_P, "kernel_size: 3 kernel_h: 3")),
    # Not read: PT008.
    Example("bvlc", 'layer { name: "a" type: "ReLU" convolution_param { kernel_h: 1 } }\n'),
    Example(
        "bvlc", _layer(_C, "kernel_h: 3").replace('top: "a"', 'top: "a" include { min_level: 1 }')
    ),
    Example("bvlc", _layer(_C, "kernel_h: 3 kernel_w: 1 pad: 1 stride: 2")),
)

INVALID = (
    Invalid(
        "bvlc",
        _layer(_C, "kernel_size: 3 stride: 2 stride_w: 1"),
        (3,),
        fixed=_layer(_C, "kernel_size: 3 stride: 2"),
    ),
    Invalid("nvidia-0.14", _layer("Deconvolution", "kernel_size: 3 pad: 1 pad_h: 1"), (3,)),
    Invalid("bvlc", _layer(_C, "kernel_size: 3\n  kernel_h: 5"), (4,)),
    Invalid("bvlc", _layer(_C, "kernel_h: 3"), (3,)),
    Invalid(
        "bvlc",
        _layer("Im2col", "kernel_size: 3 stride_h: 1"),
        (3,),
        fixed=_layer("Im2col", "kernel_size: 3 stride_h: 1 stride_w: 1"),
    ),
    Invalid("nvidia-0.17", _layer(_P, "kernel_size: 3 kernel_h: 3 kernel_w: 3"), (3,)),
    Invalid("nvidia-0.17", _layer(_P, "kernel_w: 3"), (3,)),
    Invalid(
        "bvlc",
        _layer(_P, "kernel_size: 3 pad_w: 1"),
        (3,),
        fixed=_layer(_P, "kernel_size: 3 pad_w: 1 pad_h: 0"),
    ),
    Invalid("bvlc", _layer(_P, "kernel_size: 3 stride_h: 1"), (3,)),
    Invalid(
        "bvlc",
        _layer(_P, "pool: AVE kernel_size: 7 global_pooling: true"),
        (3,),
        fixed=_layer(_P, "pool: AVE global_pooling: true"),
    ),
    Invalid(
        "bvlc",
        _layer(_P, "global_pooling: true stride: 2 pad: 0"),
        (3,),
        fixed=_layer(_P, "global_pooling: true pad: 0"),
    ),
    Invalid("bvlc", _layer(_C, "kernel_size: [3] kernel_h: 3 kernel_w: 3"), (3,)),
)
