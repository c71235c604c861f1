"""More of BN018: the native BatchNorm of a Caffe that needs four axes, in several states."""

from protolint.lint.rule import Example, Invalid

_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [%s] } } }\n'
_LABEL = 'layer { name: "d" type: "Data" top: "label" include { phase: TRAIN } }\n'
_BN = """\
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { engine: CAFFE } }
"""
VALID = (
    Example("nvidia-0.17", _INPUT % "1, 3, 8, 8" + _BN),
    Example("nvidia-0.17", 'layer { name: "h" type: "HDF5Data" top: "x" }\n' + _BN),
)
INVALID = (Invalid("nvidia-0.17", _LABEL + _INPUT % "1, 3, 4, 8, 8" + _BN, (3,)),)
