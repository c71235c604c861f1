"""More of BN021: when the Scale can be taken out."""

from protolint.lint.rule import Example, Invalid

_OWN_NET = """\
layer { name: "d" type: "Data" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "%s" %s }
%slayer { name: "r" type: "ReLU" bottom: "y" top: "r" }
"""
_OWN_SCALE = 'layer { name: "s" type: "Scale" bottom: "%s" top: "y" %s }\n'

_ON = "batch_norm_param { scale_bias: true }"

_FILLED = "batch_norm_param { bias_filler { } }"

_FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 } scale_param { bias_term: true }"

_READS_B = 'layer { name: "o" type: "Softmax" bottom: "b" top: "o" }\n'

_OWN_OTHERWISE = 'layer { name: "l" type: "LRN" bottom: "x" top: "y" include { phase: TEST } }\n'

_PLAIN_TWIN = _OWN_OTHERWISE.replace("LRN", "BatchNorm")


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
    Invalid(
        "nvidia-0.17",
        _OWN_NET % ("b", _ON, _OWN_SCALE % ("b", "scale_param { bias_term: true }")),
        (3,),
        fixed=_OWN_NET % ("y", _ON, ""),
    ),
    Invalid(
        "nvidia-0.16",
        (
            _OWN_NET
            % (
                "y",
                _FILLED,
                _OWN_SCALE % ("y", "param { lr_mult: 0 } scale_param { bias_term: true }"),
            )
        ),
        (3,),
        fixed=_OWN_NET % ("y", _FILLED, ""),
    ),
    Invalid(
        "nvidia-0.15", _OWN_NET % ("y", "", _OWN_SCALE % ("y", "scale_param { axis: 0 }")), (3,)
    ),
    Invalid(
        "nvidia-0.15",
        'layer { name: "i" type: "Input" top: "x" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" }\n'
        'layer { name: "s" type: "Scale" bottom: "x" top: "x" }\n',
        (3,),
        fixed='layer { name: "i" type: "Input" top: "x" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" }\n',
    ),
    Invalid(
        "nvidia-0.15", _OWN_NET % ("y", "", _OWN_SCALE % ("y", "scale_param { num_axes: 2 }")), (3,)
    ),
    Invalid("nvidia-0.17", _OWN_NET % ("b", _ON, _OWN_SCALE % ("b", "")) + _READS_B, (3,)),
    Invalid(
        "nvidia-0.15",
        'layer: [{ name: "d" type: "Data" top: "x" },'
        ' { name: "bn" type: "BatchNorm" bottom: "x" top: "y" },\n'
        ' { name: "s" type: "Scale" bottom: "y" top: "y" }]\n',
        (2,),
    ),
    Invalid(
        "nvidia-0.17",
        _OWN_NET
        % ("y", f"include {{ phase: TRAIN }} {_ON}", _OWN_OTHERWISE + _OWN_SCALE % ("y", "")),
        (4,),
    ),
    Invalid(
        "nvidia-0.17",
        _OWN_NET % ("y", f"include {{ phase: TRAIN }} {_ON}", _PLAIN_TWIN + _OWN_SCALE % ("y", "")),
        (4,),
    ),
)
VALID = (
    Example("nvidia-0.15", _OWN_NET % ("y", "", _OWN_SCALE % ("y", _FROZEN))),
    Example("nvidia-0.16", _OWN_NET % ("y", _ON, _OWN_SCALE % ("y", "param { lr_mult: 0 }"))),
    Example("nvidia-0.17", _OWN_NET % ("y", "", _OWN_SCALE % ("y", ""))),
    Example("nvidia-0.17", _OWN_NET % ("b", _ON, _OWN_SCALE % ("z", ""))),
    Example("nvidia-0.15", _OWN_NET % ("y", "", _OWN_SCALE % ("y", 'bottom: "z"'))),
)
