"""More of BN030: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Input" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    eps: 1e-4
%s  }
}
"""
_OFF = "    scale_bias: false\n"
_GAMMA = "    scale_filler { value: 1 }\n"

_BETA = "    bias_filler { value: 0 }\n"

VALID = (
    Example("nvidia-0.17", _NET % (_GAMMA + _BETA)),
    Example("nvidia-0.16", _NET % ("    scale_bias: true\n" + _GAMMA)),
    Example(
        "nvidia-0.17",
        (_NET % (_OFF + _GAMMA)).replace('top: "y"', 'top: "y" include { min_level: 1 }'),
    ),
    Example("nvidia-0.17", _NET % _OFF),
)
INVALID = (
    Invalid("nvidia-0.16", _NET % (_BETA + _OFF), (7,), fixed=_NET % _BETA),
    Invalid("nvidia-0.16.1", _NET % (_OFF + _GAMMA + _BETA), (6,), fixed=_NET % (_GAMMA + _BETA)),
)
