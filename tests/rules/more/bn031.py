"""More of BN031: layers it says nothing of in a net with another fault."""

from protolint.lint.rule import Example

_NET = """\
layer { name: "d" type: "Input" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" %s top: "y" }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
"""
VALID = (
    Example("bvlc", _NET % ""),
    Example("bvlc", _NET % 'bottom: "z" include { min_level: 1 }'),
)
