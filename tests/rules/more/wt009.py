"""More of WT009: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights

_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1000, 2000, 3000, 4000] }
  blobs { shape { dim: 1 } data: %s }
}
"""


INVALID = (
    InvalidWeights("nvidia-0.16.1", _BN % "95.2", ("bn",)),
    InvalidWeights("nvidia-0.16", _BN % "999.98", ("bn",), hdf5=True, name="model.h5"),
)
