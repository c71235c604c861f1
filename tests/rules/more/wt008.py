"""More of WT008: an HDF5 model does not say whether a Scale follows."""

from protolint.lint.weights_example import WeightsExample

_BN = """\
layer { name: "bn" type: "BatchNorm"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 1e-6, 4] }
  blobs { shape { dim: 1 } data: 1 } }
"""
VALID = (WeightsExample("bvlc", _BN, name="m.h5", hdf5=True),)
