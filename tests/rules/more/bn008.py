"""More of BN008: a layer that no state keeps in a net with another fault."""

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
%s}
"""
_ZERO = "  param { lr_mult: 0 decay_mult: 0 }\n"

_ONE = "  param { lr_mult: 1 }\n"

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Input" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { min_level: 1 }
  param { } param { } param { } param { } }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
""",
    ),
    Example("nvidia-0.15", _NET % (_ONE * 5)),
    Example("nvidia-0.17", _NET % (_ONE * 5 + "  batch_norm_param { scale_bias: true }\n")),
    Example("bvlc", _NET % ("  include { min_level: 1 }\n" + _ZERO * 4)),
    Example("bvlc", _NET % (_ZERO * 3)),
)

INVALID = (
    Invalid("nvidia-0.17", _NET % (_ONE * 2 + _ZERO * 2), (7,), fixed=_NET % (_ONE * 2 + _ZERO)),
    Invalid("nvidia-0.14", _NET % (_ONE * 6), (9,), fixed=_NET % (_ONE * 5)),
    Invalid("nvidia-0.14", _NET % (_ONE * 4 + "  batch_norm_param { engine: CAFFE }\n"), (7,)),
    Invalid(
        "bvlc", _NET % (_ZERO * 3 + "  param { lr_mult: 0 }\n"), (7,), fixed=_NET % (_ZERO * 3)
    ),
    Invalid(
        "bvlc", _NET % (_ZERO * 3 + "  param { decay_mult: 0 }\n"), (7,), fixed=_NET % (_ZERO * 3)
    ),
)
