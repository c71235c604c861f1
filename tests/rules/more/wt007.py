"""More of WT007: an HDF5 model does not say whether a Scale follows."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt007_near_zero_variance import _BN as _OWN_BN

_GAMMA = """\
  blobs { shape { dim: 4 } data: [1, 1, 1e-6, 1] }
  blobs { shape { dim: 4 } data: [0, 0, 0, 0] }
}
"""
_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 4, 8, 8] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
"""


_BN = """\
layer { name: "bn" type: "BatchNorm"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 0, 4] }
  blobs { shape { dim: 1 } data: 1 } }
"""
INVALID = (
    InvalidWeights("bvlc", _BN, ("bn",), name="m.h5", hdf5=True),
    InvalidWeights("bvlc", _OWN_BN % ("1, 2, 2e-9, 4", "999.98"), ("bn",)),
    InvalidWeights("nvidia-0.17", _OWN_BN % ("1, 2, 4.8e-34, 4", "1"), ("bn",)),
    InvalidWeights(
        "bvlc",
        (_OWN_BN % ("1, 2, 0, 4", "1")).replace(
            ' top: "y"', ' top: "y" batch_norm_param { eps: 1e-12 }'
        ),
        ("bn",),
    ),
    InvalidWeights("bvlc", _OWN_BN % ("1, 2, 0, 4", "1"), ("bn",), net=_NET),
    InvalidWeights("bvlc", _OWN_BN % ("0, 0, 0, 0", "1"), ("bn",)),
    # A gamma near 0 leaves the dead channel no gain.
    InvalidWeights("nvidia-0.17", (_OWN_BN % ("1, 2, 0, 4", "1"))[:-2] + _GAMMA, ("bn",)),
)
VALID = (WeightsExample("bvlc", _OWN_BN % ("1, 2, -1e-12, 4", "1")),)
