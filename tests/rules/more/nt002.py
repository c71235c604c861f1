"""More of NT002: two data layers want a phase, other layers another name."""

from protolint.lint.rule import Invalid

_DATA = 'layer { name: "d" type: "Data" top: "y" }\n'
_RELU = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
INVALID = (
    Invalid("bvlc", _DATA + _DATA, (2,)),
    Invalid("bvlc", _DATA + _RELU, (2,)),
    Invalid("bvlc", _RELU + _DATA, (2,)),
)
