"""More of WT004: a layer that a file has twice, and one that is no BatchNorm."""

from protolint.lint.weights_example import InvalidWeights

_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "a" type: "BatchNorm" bottom: "x" top: "y" }
"""
_OLD_NET = """\
input: "x" input_dim: [1, 2, 8, 8]
layer { name: "a" type: "InnerProduct" bottom: "x" top: "y" }
"""
_BLOB = "blobs { shape { dim: 2 } data: [1, 2] }"
_FILE = f'layer {{ name: "a" type: "%s" {_BLOB} {_BLOB} blobs {{ shape {{ dim: 1 }} data: 1 }} }}\n'
INVALID = (
    InvalidWeights("nvidia-0.15", _FILE % "BatchNorm" * 2, ("a",), net=_NET),
    InvalidWeights("nvidia-0.14", _FILE % "InnerProduct", ("a",), net=_OLD_NET),
)
