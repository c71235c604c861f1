"""More of WT019: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_THREE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [10, 20] }
  blobs { shape { dim: 2 } data: [100, 200] }
  blobs { shape { dim: 1 } data: %s }
}
"""
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
_NAME = "model.caffemodel.h5"


VALID = (
    WeightsExample("nvidia-0.17", _THREE % "100"),
    WeightsExample("nvidia-0.17", _NEW, hdf5=True, name=_NAME),
    WeightsExample("nvidia-0.16", _THREE % "100", hdf5=True, name=_NAME),
)

INVALID = (
    InvalidWeights("nvidia-0.16", _OLD, ("bn",), hdf5=True, name=_NAME),
    InvalidWeights("nvidia-0.17", _OLD, ("bn",), hdf5=True, name=_NAME),
)
