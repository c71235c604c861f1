"""More of BN010: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
%s}
"""

_ZERO = "  param { lr_mult: 0 decay_mult: 0 }\n"

VALID = (
    Example("bvlc", _NET % (_ZERO * 3)),
    Example("bvlc", _NET % ("  param { lr_mult: 0 decay_mult: 1 }\n" * 3)),
    Example("bvlc", _NET % ("  param { lr_mult: 1 }\n" * 2)),
    Example(
        "bvlc",
        'base_lr: 0.1\nnet_param {\nlayer { name: "bn" type: "BatchNorm" bottom: "x" top: "x"\n'
        "  param { } param { } param { }\n}\n}\n",
    ),
    Example("bvlc", _NET % ("  include { min_level: 1 }\n" + "  param { lr_mult: 1 }\n" * 3)),
    Example("bvlc", _NET % ""),
)
INVALID = (
    Invalid("bvlc", _NET % (_ZERO * 2 + "  param { }\n"), (6,), fixed=_NET % ""),
    Invalid(
        "bvlc",
        _NET % ('  param { name: "mean" lr_mult: 1 }\n' + _ZERO * 2),
        (4,),
        fixed=_NET % ('  param { name: "mean" lr_mult: 0 decay_mult: 0 }\n' + _ZERO * 2),
    ),
)
