"""More of WT002: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, %s, 4] }
  blobs { shape { dim: 1 } data: %s }%s
}
"""
_EPS = "\n  batch_norm_param { eps: 0.01 }"


VALID = (WeightsExample("bvlc", _BN % ("3", "2", _EPS)),)

INVALID = (
    InvalidWeights("bvlc", _BN % ("-20", "999.98", ""), ("bn",)),
    InvalidWeights("nvidia-0.17", _BN % ("-0.02", "1", _EPS), ("bn",)),
    InvalidWeights("bvlc", _BN % ("-0.25", "1", _EPS.replace("0.01", "0.25")), ("bn",)),
)
