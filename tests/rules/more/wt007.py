"""More of WT007: an HDF5 model does not say whether a Scale follows."""

from protolint.lint.weights_example import InvalidWeights

_BN = """\
layer { name: "bn" type: "BatchNorm"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 0, 4] }
  blobs { shape { dim: 1 } data: 1 } }
"""
INVALID = (InvalidWeights("bvlc", _BN, ("bn",), name="m.h5", hdf5=True),)
