"""More of WT005: blobs of another number, and shapes that are not known."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt005_blob_shape_mismatch import _FLAT, _THREE, _WIDE
from protolint.rules.wt005_blob_shape_mismatch import _NET as _OWN_NET

_MORE = "shape { dim: 3 }"

_OWN_SQUARE = "shape { dim: [2, 2] }"

_OLD_TWICE = "num: 1 channels: 2 height: 1 width: 2"

_ON = "batch_norm_param { scale_bias: true }"

_UNKNOWN = (
    (_OWN_NET % "")
    .replace('"Input"', '"Data"')
    .replace("input_param", "")
    .replace(" { shape { dim: [1, 2, 8, 8] } }", "")
)

_IP = """\
layer { name: "ip" blobs { shape { dim: [1, 1, 1, 2] } data: [1, 2] } }
"""

_IP_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2] } } }
layer {
  name: "ip" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 1 bias_term: false }
}
"""


_NET = """\
layer { name: "data" type: "%s" top: "x" %s }
layer { name: "a" type: "%s" bottom: "x" top: "y" %s }
"""
_INPUT = ("Input", "input_param { shape { dim: [1, 2, 8, 8] } }")
_ONE = 'layer { name: "a" type: "%s" blobs { %s data: [1, 2] } }\n'
_OLD = "num: 1 channels: 1 height: 1 width: 2"
_SQUARE = "num: 1 channels: 2 height: 1 width: 1"
_ALL = "scale_param { axis: 0 num_axes: -1 }"
_FIVE = (
    'layer { name: "a" type: "BatchNorm" top: "y"\n'
    + "  blobs { shape { dim: 3 } data: [1, 2, 3] }\n" * 4
    + "  blobs { shape { dim: 1 } data: 1 }\n}\n"
)
VALID = (
    # WT004.
    WeightsExample(
        "bvlc",
        _ONE % ("Scale", "shape { dim: 2 }"),
        net=_NET % (*_INPUT, "Scale", "scale_param { bias_term: true }"),
    ),
    WeightsExample("bvlc", _ONE % ("Scale", _SQUARE), net=_NET % ("HDF5Data", "", "Scale", _ALL)),
    WeightsExample("bvlc", _ONE % ("Scale", _OLD), net=_NET % ("HDF5Data", "", "Scale", _ALL)),
    WeightsExample(
        "bvlc", _ONE % ("Scale", "shape { dim: 2 }"), net=_NET % ("HDF5Data", "", "Scale", _ALL)
    ),
    WeightsExample("bvlc", _THREE % (_OLD, "", _OLD, ""), net=_OWN_NET % ""),
    WeightsExample("nvidia-0.17", _THREE % (_WIDE, "", _WIDE, ""), net=_OWN_NET % ""),
    WeightsExample("bvlc", _THREE % (_WIDE, "", _WIDE, "")),
    # WT004.
    WeightsExample("nvidia-0.17", _THREE % (_FLAT, "", _FLAT, ""), net=_OWN_NET % _ON),
    WeightsExample("nvidia-0.17", _THREE % (_MORE, ", 0", _MORE, ", 1"), net=_UNKNOWN),
    WeightsExample(
        "nvidia-0.16",
        _THREE % (_WIDE, "", _WIDE, ""),
        net=_OWN_NET % "",
        hdf5=True,
        name="model.h5",
    ),
)
INVALID = (
    InvalidWeights("nvidia-0.15", _FIVE, ("a",), net=_NET % (*_INPUT, "BatchNorm", "")),
    InvalidWeights("nvidia-0.16", _THREE % (_WIDE, "", _WIDE, ""), ("bn",), net=_OWN_NET % ""),
    InvalidWeights("bvlc", _THREE % (_MORE, ", 0", _MORE, ", 1"), ("bn",), net=_OWN_NET % ""),
    InvalidWeights(
        "nvidia-0.17", _THREE % (_MORE, ", 0", _MORE, ", 1"), ("bn",), net=_OWN_NET % ""
    ),
    InvalidWeights("bvlc", (_THREE % (_WIDE, "", _WIDE, "")) * 2, ("bn",), net=_OWN_NET % ""),
    InvalidWeights("bvlc", _IP, ("ip",), net=_IP_NET),
    InvalidWeights("nvidia-0.17", _IP, ("ip",), net=_IP_NET, hdf5=True, name="model.h5"),
    InvalidWeights(
        "bvlc", _THREE % (_OWN_SQUARE, ", 0, 0", _OWN_SQUARE, ", 1, 1"), ("bn",), net=_OWN_NET % ""
    ),
    InvalidWeights(
        "bvlc", _THREE % (_OLD_TWICE, ", 0, 0", _OLD_TWICE, ", 1, 1"), ("bn",), net=_OWN_NET % ""
    ),
    InvalidWeights("bvlc", _THREE % (_WIDE, "", _WIDE, ""), ("bn",), net=_UNKNOWN),
    InvalidWeights("nvidia-0.17", _THREE % (_FLAT, "", _MORE, ", 1"), ("bn",), net=_OWN_NET % ""),
)
