"""More of WT014: halves beside a float in one layer, by NVIDIA Caffe and by OpenCV."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt014_half_precision_range import _BN
from protolint.rules.wt014_half_precision_range import _HALF as _OWN_HALF

_NET = """\
default_forward_type: FLOAT16
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
"""

_CONV = 'layer { name: "c" type: "Convolution" %s blobs { shape { dim: 1 } data: %s } }\n'

_STORED_MILLION = """\
layer {
  name: "c" type: "Convolution"
  blobs { shape { dim: 1 } raw_data_type: FLOAT raw_data: "\\000\\044\\164\\111" }
}
"""

_STORED_HALF = """\
layer { name: "h" blobs { shape { dim: 1 } raw_data_type: FLOAT16 raw_data: "\\000\\074" } }
"""


_HALF = 'blobs { shape { dim: 1 } raw_data_type: FLOAT16 raw_data: "\\000\\074" }'
_RAW = 'blobs { shape { dim: 1 } raw_data_type: FLOAT raw_data: "\\000\\044\\164\\111" }'
_LAYER = 'layer { name: "c" type: "Convolution" %s %s }\n'
VALID = (
    WeightsExample("nvidia-0.17", _LAYER % (_HALF, "blobs { shape { dim: 1 } data: 1e6 }")),
    WeightsExample("nvidia-0.17", _BN % ("", "1e6")),
    WeightsExample("nvidia-0.17", _BN % ("backward_type: FLOAT", "1e6")),
    WeightsExample("nvidia-0.17", _CONV % ("", "1e6")),
    WeightsExample("nvidia-0.17", _BN % ("forward_math: FLOAT16", "1e6")),
    WeightsExample("nvidia-0.17", _CONV % ("", "1e6") + _STORED_HALF),
    # Each blob is stored as it is computed with.
    WeightsExample("nvidia-0.17", _STORED_MILLION + _STORED_HALF),
)
INVALID = (
    InvalidWeights("nvidia-0.17", _LAYER % (_HALF, _RAW), ("c",)),
    InvalidWeights("nvidia-0.16", _BN % ("", "70000"), ("bn",), net=_NET),
    InvalidWeights("nvidia-0.17", _BN % ("backward_type: FLOAT16", "1e6"), ("bn",)),
    InvalidWeights(
        "nvidia-0.17", (_BN % (_OWN_HALF, "1e6")).replace("data: 1 }", "data: 999.98 }"), ("bn",)
    ),
    InvalidWeights("nvidia-0.17", _CONV % (_OWN_HALF, "-1e6"), ("c",)),
)
