"""More of SV003: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\nstore_blobs_in_old_format: %s\n'
_BN = {"net.prototxt": 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'}
_RELU = {"net.prototxt": 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'}


VALID = (
    Example("nvidia-0.16", _SOLVER % "true", _RELU),
    Example("nvidia-0.16", _SOLVER % "true"),
)

INVALID = (Invalid("nvidia-0.17", _SOLVER % "true", (3,), None, _BN),)
