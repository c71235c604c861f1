"""More of BN031: layers it says nothing of in a net with another fault."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn031_bn_bottom_top_count import _X, _Y, _net

_NET = """\
layer { name: "d" type: "Input" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" %s top: "y" }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
"""
VALID = (
    Example("bvlc", _NET % ""),
    Example("bvlc", _NET % 'bottom: "z" include { min_level: 1 }'),
    Example("nvidia-0.17", _net(_X, 'top: "x"')),
    Example("bvlc", _net(_X, _Y + ' top: "m"').replace("BatchNorm", "Scale")),
    Example("bvlc", _net(_X + '\n  bottom: "z"', _Y, "include { phase: TRAIN }")),
)

INVALID = (
    Invalid("nvidia-0.14", _net(_X, _Y + '\n  top: "mean"\n  top: "variance"'), (6,)),
    Invalid("nvidia-0.15", _net(_X, ""), (2,)),
    Invalid("nvidia-0.17", _net("", _Y), (2,)),
    Invalid("nvidia-0.16", _net('bottom: ["x", "z"]', 'top: ["y", "m"]'), (4,)),
)
