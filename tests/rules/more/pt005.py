"""More of PT005: layers beside one whose type is not known, and layers without one."""

from protolint.lint.rule import Invalid

_OWN = 'layer { name: "o" type: "Own" %s }\n'
INVALID = (
    Invalid("bvlc", 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n' + _OWN % "", (2,)),
    Invalid("bvlc", _OWN % "include { min_level: 1 }" + _OWN.replace("Own", "Other") % "", (2,)),
    Invalid("bvlc", 'layers { name: "n" }\n', (1,)),
    Invalid("bvlc", 'layer { name: "b" type: 3 }\n', (1,)),
    # The type of a fork but for the case of a letter.
    Invalid("nvidia-0.17", _OWN.replace("Own", "Lstm") % "", (1,)),
    Invalid("bvlc", 'layer { name: "b" type: ROI_POOLING }\n', (1,)),
)
