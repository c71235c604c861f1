"""More of NT002: two data layers want a phase, other layers another name."""

from protolint.lint.rule import Example, Invalid

_CONV = 'layer {\n  name: "%s" type: "Convolution" bottom: "%s"\n  top: "%s"\n  %s\n}\n'

_INPUT = 'input: "x" input_dim: [1, 3, 8, 8]\n'


_DATA = 'layer { name: "d" type: "Data" top: "y" }\n'
_RELU = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
INVALID = (
    Invalid("bvlc", _DATA + _DATA, (2,)),
    Invalid("bvlc", _DATA + _RELU, (2,)),
    Invalid("bvlc", _RELU + _DATA, (2,)),
    Invalid(
        "nvidia-0.17",
        _CONV % ("a", "x", "y", "")
        + 'layer { name: "r" type: "ReLU" bottom: "y" top: "y" }\n'
        + _CONV % ("b", "x", "y", "include { phase: TEST }"),
        (9,),
    ),
    Invalid("bvlc", 'layer { name: "s" type: "Slice" bottom: "x" top: "a"\n  top: "a" }\n', (2,)),
    # In place, but not at the same index.
    Invalid(
        "bvlc",
        'layer { name: "d" type: "Data" top: "a" top: "b" }\n'
        'layer { name: "f" type: "Filter" bottom: "b" bottom: "a" top: "a" }\n',
        (2,),
    ),
    Invalid("nvidia-0.14", _INPUT + _CONV % ("a", "z", "x", ""), (4,)),
    Invalid(
        "bvlc",
        'layer { name: "s" type: "Slice" bottom: "x" top: "a" top: "b" }\n'
        + _CONV % ("c", "a", "b", ""),
        (4,),
    ),
)

VALID = (
    Example("bvlc", 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n' * 2),
    Example(
        "nvidia-0.15",
        _CONV % ("a", "x", "y", "include { phase: TRAIN }")
        + _CONV % ("a", "x", "y", "exclude { phase: TRAIN }"),
    ),
    Example(
        "nvidia-0.15",
        _CONV % ("a", "x", "y", 'include { stage: "train" }')
        + _CONV % ("b", "x", "y", 'include { stage: "val" }'),
    ),
)
