"""More of BN005: layers it says nothing of in nets that another fault keeps from being built."""

from protolint.lint.rule import Example, Invalid

_OWN_NET = """\
layer { name: "d" type: "Input" top: "data" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "data"
  top: "bn"
%s}
"""

_SPARE = "  param { lr_mult: 1 }\n"


_NET = """\
layer { name: "d" type: "Input" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
"""
_ONE = "param { lr_mult: 1 } "
VALID = (
    Example("bvlc", _NET % (_ONE * 3)),
    Example("bvlc", _NET % ("include { min_level: 1 } " + _ONE)),
    Example("intel", _NET % ("batch_norm_param { engine: CAFFE } " + _ONE * 3)),
    Example("bvlc", _OWN_NET % ("  param { lr_mult: 1 }\n" * 3)),
    Example("bvlc", _OWN_NET % "  param { lr_mult: 0 }\n"),
    Example("intel", _OWN_NET % ("  batch_norm_param { engine: CAFFE }\n" + _SPARE * 3)),
    Example("intel", _OWN_NET % ("  param { lr_mult: 0 }\n" * 3 + _SPARE * 2)),
    Example("bvlc", _OWN_NET % "  include { min_level: 1 }\n  param { lr_mult: 1 }\n"),
    Example("bvlc", _OWN_NET % ""),
)
INVALID = (
    Invalid("bvlc", _OWN_NET % "  param { }\n", (7,), fixed=_OWN_NET % ""),
    Invalid(
        "bvlc",
        _OWN_NET % '  param { name: "m" lr_mult: 2 } param { }\n',
        (7,),
        fixed=_OWN_NET
        % '  param { name: "m" lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 }\n',
    ),
    Invalid(
        "bvlc",
        'base_lr: 0.1\nnet_param {\nlayer { name: "bn" type: "BatchNorm" bottom: "x" top: "x"\n'
        "  param { } param { } param { }\n}\n}\n",
        (4,),
    ),
    Invalid("intel", _OWN_NET % (_SPARE * 3), (7,), _OWN_NET % ""),
    Invalid(
        "intel",
        _OWN_NET % (_SPARE * 5),
        (7,),
        _OWN_NET % ("  param { lr_mult: 0 decay_mult: 0 }\n" * 3 + _SPARE * 2),
    ),
    Invalid("bvlc", _OWN_NET % (_SPARE * 4), (7,), fixed=_OWN_NET % ""),
    Invalid(
        "bvlc",
        _OWN_NET % ('  param { name: "m" lr_mult: 0 }\n' + _SPARE * 3),
        (8,),
        fixed=_OWN_NET
        % (
            '  param { name: "m" lr_mult: 0 decay_mult: 0 }\n'
            + "  param { lr_mult: 0 decay_mult: 0 }\n" * 3
        ),
    ),
)
