"""More of WT008: an HDF5 model does not say whether a Scale follows."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_OWN_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [%s] }
  blobs { shape { dim: 1 } data: %s }
}
"""

_BN = """\
layer { name: "bn" type: "BatchNorm"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 1e-6, 4] }
  blobs { shape { dim: 1 } data: 1 } }
"""
VALID = (
    WeightsExample("bvlc", _BN, name="m.h5", hdf5=True),
    WeightsExample("bvlc", _OWN_BN % ("1e-6, 1e-6, 1e-6, 1e-6", "1")),
    WeightsExample("bvlc", _OWN_BN % ("1, 2, 1e-12, 4", "1")),
    WeightsExample(
        "bvlc", (_OWN_BN % ("1, 1e-6, 4", "1")).replace("dim: 4", "dim: 3").replace("0.1, ", "")
    ),
    WeightsExample("bvlc", _OWN_BN % ("1, 1, 1e-6, 1e-6", "1")),
)

INVALID = (InvalidWeights("nvidia-0.17", _OWN_BN % ("100, 200, 1e-4, 400", "100"), ("bn",)),)
