"""More of WT018: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_NET = """\
layer { name: "data" type: "%s" top: "x" %s }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param { scale_bias: true }
}
"""
_TRAIN = _NET % ("Data", "")
_OLD = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [1.5, 1.5] }
  blobs { shape { dim: 2 } data: [0.25, 0.25] }
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 0 }
}
"""

_DEPLOY = _NET % ("Input", "input_param { shape { dim: [1, 2, 8, 8] } }")

_NEW = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
  blobs { shape { dim: 2 } data: [1.5, 1.5] }
  blobs { shape { dim: 2 } data: [0.25, 0.25] }
}
"""

VALID = (
    WeightsExample("nvidia-0.17", _OLD, net=_DEPLOY),
    WeightsExample("nvidia-0.17", _NEW, net=_TRAIN),
    WeightsExample("nvidia-0.17", _OLD),
    WeightsExample("nvidia-0.17", _OLD, net=_TRAIN, hdf5=True, name="model.h5"),
)
INVALID = (InvalidWeights("nvidia-0.16", _OLD, ("bn",), net=_TRAIN),)
