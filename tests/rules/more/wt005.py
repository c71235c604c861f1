"""More of WT005: blobs of another number, and shapes that are not known."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

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
)
INVALID = (InvalidWeights("nvidia-0.15", _FIVE, ("a",), net=_NET % (*_INPUT, "BatchNorm", "")),)
