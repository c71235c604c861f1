"""More of WT014: halves beside a float in one layer, by NVIDIA Caffe and by OpenCV."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_HALF = 'blobs { shape { dim: 1 } raw_data_type: FLOAT16 raw_data: "\\000\\074" }'
_RAW = 'blobs { shape { dim: 1 } raw_data_type: FLOAT raw_data: "\\000\\044\\164\\111" }'
_LAYER = 'layer { name: "c" type: "Convolution" %s %s }\n'
VALID = (WeightsExample("nvidia-0.17", _LAYER % (_HALF, "blobs { shape { dim: 1 } data: 1e6 }")),)
INVALID = (InvalidWeights("nvidia-0.17", _LAYER % (_HALF, _RAW), ("c",)),)
