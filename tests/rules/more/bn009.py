"""More of BN009: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param { scale_bias: true }
%s}
"""
_ONE, _ZERO = "  param { lr_mult: 1 }\n", "  param { lr_mult: 0 decay_mult: 0 }\n"

VALID = (
    Example("nvidia-0.17", _NET % ""),
    Example("nvidia-0.17", _NET % (_ZERO * 3)),
    Example("nvidia-0.17", _NET % (_ZERO * 3 + _ONE * 2)),
    Example("nvidia-0.16", _NET % (_ONE * 2 + _ZERO * 2)),
    Example("nvidia-0.16", _NET % (_ONE * 2 + _ZERO * 3)),
    Example("nvidia-0.17", (_NET % (_ZERO * 5)).replace("true", "false")),
    Example("nvidia-0.17", _NET % ("  include { phase: TEST }\n" + _ZERO * 5)),
)
INVALID = (
    Invalid("nvidia-0.16", _NET % (_ONE * 4 + "  param { decay_mult: 0 }\n"), (9,)),
    Invalid(
        "nvidia-0.17",
        (_NET % (_ZERO * 3 + "  param { lr_mult: 5 }\n")).replace(
            "scale_bias: true", "scale_bias: false bias_filler { }"
        ),
        (8,),
    ),
    Invalid("nvidia-0.16", _NET % (_ZERO + _ONE + _ZERO * 3), (8,)),
    Invalid("nvidia-0.16", _NET % (_ONE + _ZERO * 4), (8,)),
    Invalid("nvidia-0.16", _NET % (_ONE * 3 + _ZERO * 2), (8,)),
    Invalid("nvidia-0.16", _NET % (_ONE * 2 + _ZERO + _ONE + _ZERO), (9,)),
)
