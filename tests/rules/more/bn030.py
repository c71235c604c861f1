"""More of BN030: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn030_scale_bias_false_overridden import _GAMMA, _NET, _OFF

_BETA = "    bias_filler { value: 0 }\n"

VALID = (
    Example("nvidia-0.17", _NET % (_GAMMA + _BETA)),
    Example("nvidia-0.16", _NET % ("    scale_bias: true\n" + _GAMMA)),
    Example(
        "nvidia-0.17",
        (_NET % (_OFF + _GAMMA)).replace('top: "y"', 'top: "y" include { min_level: 1 }'),
    ),
)
INVALID = (
    Invalid("nvidia-0.16", _NET % (_BETA + _OFF), (7,), fixed=_NET % _BETA),
    Invalid("nvidia-0.16.1", _NET % (_OFF + _GAMMA + _BETA), (6,), fixed=_NET % (_GAMMA + _BETA)),
)
