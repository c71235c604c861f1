"""More of NT023: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules._construction import INPUT


def _net(filler: str, more: str = "kernel_size: 3") -> str:
    return (
        f'{INPUT}layer {{\n  name: "a" type: "Convolution" bottom: "x" top: "y"\n'
        f"  convolution_param {{ num_output: 4 {more} {filler} }}\n}}\n"
    )


VALID = (
    Example("bvlc", _net('bias_term: false bias_filler { type: "Constant" }')),
    Example("nvidia-0.15", _net('weight_filler { type: "xavierstatic" }')),
    Example("nvidia-0.17", _net('weight_filler { type: "gaussian" std: 0 }')),
    Example("nvidia-0.17", _net('weight_filler { type: "gaussian" mean: 1 std: 0.1 }')),
    Example("bvlc", _net('weight_filler { type: "bilinear" }')),
    Example("bvlc", _net('weight_filler { type: "msra" }')),
)
INVALID = (
    Invalid(
        "nvidia-0.17",
        _net("weight_filler { type: 'guassian' std: 0.1 }"),
        (4,),
        fixed=_net('weight_filler { type: "gaussian" std: 0.1 }'),
    ),
    Invalid("bvlc", _net('weight_filler { type: "xavierstatic" }'), (4,)),
    Invalid("bvlc", _net('weight_filler { type: "gaussian" std: 0 }'), (4,)),
    Invalid("nvidia-0.14", _net('bias_filler { type: "uniform" min: 2 max: 1 }'), (4,)),
    Invalid("bvlc", _net('weight_filler { type: "bilinear" }', "kernel_h: 3 kernel_w: 5"), (4,)),
    Invalid("bvlc", _net('bias_filler { type: "bilinear" }'), (4,)),
)
