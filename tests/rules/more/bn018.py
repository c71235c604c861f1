"""More of BN018: the native BatchNorm of a Caffe that needs four axes, in several states."""

from protolint.lint.rule import Example, Invalid

_OWN_INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [%s] } } }\n'
_IMAGE, _ROW, _ONE, _VIDEO = (
    _OWN_INPUT % dims for dims in ("1, 3, 8, 8", "1, 3", "5", "1,3,4,8,8")
)
_OWN_BN = '  type: "BatchNorm"\n  bottom: "%s" top: "y"\n  batch_norm_param { %s }\n}\n'


def _below(type: str, parameter: str = "") -> str:
    above = f'layer {{ name: "l" type: "{type}" bottom: "x" top: "a" {parameter} }}\n'
    relu = 'layer { name: "r" type: "ReLU" bottom: "a" top: "a" }\n'
    return _IMAGE + above + relu + 'layer {\n  name: "bn"\n' + _OWN_BN % ("a", "")


_PLAIN = 'layer {\n  name: "bn"\n' + _OWN_BN % ("x", "")

_NATIVE = 'layer {\n  name: "bn"\n' + _OWN_BN % ("x", "engine: CAFFE")


_DUMMY = """\
layer { name: "d" type: "DummyData" top: "x" dummy_data_param { shape { dim: [1, 3] } } }
"""


_LABEL = 'layer { name: "d" type: "Data" top: "label" include { phase: TRAIN } }\n'
_BN = """\
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { engine: CAFFE } }
"""
VALID = (
    Example("nvidia-0.17", _OWN_INPUT % "1, 3, 8, 8" + _BN),
    Example("nvidia-0.17", 'layer { name: "h" type: "HDF5Data" top: "x" }\n' + _BN),
    Example("bvlc", _ROW + _PLAIN),
    Example("nvidia-0.15", _OWN_INPUT % "1, 3, 8" + _PLAIN),
    Example("nvidia-0.14", 'input: "x" input_shape { dim: [1, 3] }\n' + _PLAIN),
    Example("nvidia-0.15", _ONE + _NATIVE),
    Example("bvlc", _VIDEO + _PLAIN),
    Example("nvidia-0.15", _VIDEO + _NATIVE),
    Example("nvidia-0.17", _below("Reshape", "reshape_param { shape { dim: [0, -1, 1, 1] } }")),
    Example("nvidia-0.16", _below("Pooling", "pooling_param { global_pooling: true }")),
    Example("nvidia-0.17", 'layer { name: "h" type: "HDF5Data" top: "x" }\n' + _PLAIN),
)
INVALID = (
    Invalid("nvidia-0.17", _LABEL + _OWN_INPUT % "1, 3, 4, 8, 8" + _BN, (3,)),
    Invalid("nvidia-0.16", _below("SPP", "spp_param { pyramid_height: 2 }"), (7,)),
    Invalid("nvidia-0.17", _below("InnerProduct", "inner_product_param { num_output: 8 }"), (7,)),
    Invalid("nvidia-0.16", _below("Flatten"), (7,)),
    Invalid("nvidia-0.17", _below("Reshape", "reshape_param { shape { dim: [0, -1] } }"), (7,)),
    Invalid("nvidia-0.16", _below("Reduction", "reduction_param { axis: 2 }"), (7,)),
    Invalid("nvidia-0.17", _ROW + _PLAIN, (5,)),
    Invalid("nvidia-0.17", _VIDEO + _NATIVE, (5,)),
    Invalid("nvidia-0.16", _VIDEO + _PLAIN, (5,)),
    Invalid("nvidia-0.15", _VIDEO + _PLAIN, (5,)),
    Invalid("bvlc", _below("Reduction", "reduction_param { axis: 1 }"), (7,)),
    Invalid("nvidia-0.14", 'input: "x" input_shape { dim: 5 }\n' + _PLAIN, (5,)),
    Invalid("nvidia-0.17", _DUMMY + _PLAIN, (5,)),
)
