"""More of BN005: layers it says nothing of in nets that another fault keeps from being built."""

from protolint.lint.rule import Example

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
)
