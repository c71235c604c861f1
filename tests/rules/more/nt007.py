"""More of NT007: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(*layers: str, sharing: str = "") -> str:
    head = (
        f'{sharing}layer {{ name: "d" type: "Data" top: "data" }}\n'
        'layer { name: "c" type: "Convolution" bottom: "data" top: "x" }\n'
    )
    return head + "".join(f"layer {{ {layer} }}\n" for layer in layers)


def _layer(type: str, bottom: str, top: str) -> str:
    return f'name: "{top}" type: "{type}" bottom: "{bottom}" top: "{top}"'


def _sum(first: str, second: str, param: str = "") -> str:
    return f'name: "s" type: "Eltwise" bottom: "{first}" bottom: "{second}" top: "s" {param}'


_BRANCH, _POOLED = _layer("Convolution", "x", "y"), _layer("Pooling", "x", "y")
_RELU, _OTHER = _layer("ReLU", "y", "y"), _layer("Convolution", "data", "z")

_ZERO = " param { lr_mult: 0 } param { lr_mult: 0 }"

_OFF = "eltwise_mem_sharing: false\n"

VALID = (
    Example("nvidia-0.17", _net(_POOLED, _sum("x", "y"))),
    Example("nvidia-0.17", _net(_BRANCH, _sum("x", "y"), sharing=_OFF)),
    Example("nvidia-0.17", _net(_BRANCH, _sum("x", "y", "eltwise_param { operation: MAX }"))),
    Example("nvidia-0.17", _net(_BRANCH, _sum("x", "y", "eltwise_param { operation: PROD }"))),
    Example("nvidia-0.17", _net(_BRANCH, _sum("x", "y", "eltwise_param { coeff: [1, -1] }"))),
    Example("nvidia-0.17", _net(_BRANCH + _ZERO, _sum("x", "y"))),
    Example("nvidia-0.17", _net(_BRANCH, _OTHER)),
    Example("nvidia-0.17", _net(_BRANCH, _sum("x", "y") + " include { min_level: 1 }")),
    Example("nvidia-0.17", _net(_BRANCH, _sum("y", "x"), _layer("InnerProduct", "s", "ip"))),
)
INVALID = (
    # A layer below reads the first bottom, here in a deploy net.
    Invalid(
        "nvidia-0.17",
        _net(_BRANCH, _sum("y", "x"), _layer("Pooling", "y", "p")).replace("Data", "Input"),
        (4,),
    ),
    # The memory of x is that of f.
    Invalid(
        "nvidia-0.17",
        _net(_layer("Flatten", "x", "f"), _POOLED, _sum("x", "y"), _layer("ReLU", "f", "r")),
        (5,),
    ),
    # The ReLU in place needs what it wrote.
    Invalid(
        "nvidia-0.17",
        _net(_BRANCH, _RELU, _sum("y", "x")),
        (5,),
        fixed=_net(_BRANCH, _RELU, _sum("y", "x"), sharing=_OFF),
    ),
    Invalid(
        "nvidia-0.17",
        _net(_BRANCH, _RELU, _OTHER, _sum("y", "z")),
        (6,),
        fixed=_net(_BRANCH, _RELU, _OTHER, _sum("z", "y")),
    ),
    # The second bottom is read again below: that gradient is added to the branch's as well.
    Invalid("nvidia-0.17", _net(_BRANCH, _OTHER, _sum("y", "z"), _layer("ReLU", "z", "r")), (5,)),
    Invalid(
        "nvidia-0.17", _net(_BRANCH, _sum("x", "y"), sharing=_OFF.replace("false", "true")), (5,)
    ),
    Invalid("nvidia-0.17", _net(_BRANCH, _sum("x", "y") + " include { phase: TRAIN }"), (4,)),
)
