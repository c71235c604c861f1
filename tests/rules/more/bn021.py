"""More of BN021: when the Scale can be taken out."""

from protolint.lint.rule import Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "%s" %s
  batch_norm_param { scale_bias: true } }
%s"""
_SCALE = 'layer { name: "s" type: "Scale" bottom: "%s" top: "y"%s }\n'
_READ = 'layer { name: "r" type: "ReLU" bottom: "y" top: "r" }\n'
_TRAIN = "include { phase: TRAIN }"
_OTHERWISE = (
    'layer { name: "l" type: "LRN" bottom: "x" top: "y" include { phase: TEST }\n'
    "  batch_norm_param { scale_bias: true } }\n"
)
INVALID = (
    Invalid("nvidia-0.17", _NET % ("y", "", _SCALE % ("y", ' top: "z"')), (4,)),
    # In TEST nothing, or no BatchNorm, writes what the Scale reads.
    Invalid("nvidia-0.17", _NET % ("y", _TRAIN, _SCALE % ("y", "")), (4,)),
    Invalid("nvidia-0.17", _NET % ("y", _TRAIN, _OTHERWISE + _SCALE % ("y", "")), (6,)),
    # What else reads the blob that a Scale in place overwrites reads it still.
    Invalid(
        "nvidia-0.17",
        _NET % ("y", "", _READ + _SCALE % ("y", "")),
        (5,),
        fixed=_NET % ("y", "", _READ),
    ),
)
