"""More of WT004: a layer that a file has twice, and one that is no BatchNorm."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt004_blob_count_mismatch import _NET as _OWN_NET
from protolint.rules.wt004_blob_count_mismatch import _THREE

_CONV = 'layer { name: "c" type: "Convolution" bottom: "x" top: "z" convolution_param { %s } }\n'

_KERNEL = 'layer { name: "c" blobs { shape { dim: [1, 4, 1, 1] } data: [1, 2, 3, 4] } }\n'


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
_FOLDED_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 1, 1] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" }
layer { name: "c" type: "Convolution" bottom: "x" top: "y" convolution_param { %s } }
layer { name: "d" type: "Convolution" bottom: "y" top: "z" convolution_param { %s } }
""" % (("num_output: 2 kernel_size: 1",) * 2)
_FOUR = "blobs { shape { dim: [2, 2, 1, 1] } data: [1, 2, 3, 4] }"
_TRAINED = (
    f'layer {{ name: "c" type: "Convolution" {_FOUR} }}\n'
    + (_FILE % "BatchNorm").replace('"a"', '"old"')
    + f'layer {{ name: "d" type: "Convolution" {_FOUR} }}\n'
    + (_FILE % "BatchNorm").replace('"a"', '"bn"')
)
INVALID = (
    # One finding for a folded net, and the BatchNorm of another Caffe besides.
    InvalidWeights("nvidia-0.15", _TRAINED, ("c", "bn"), net=_FOLDED_NET),
    InvalidWeights("bvlc", _TRAINED, ("c",), net=_FOLDED_NET),
    InvalidWeights("nvidia-0.15", _FILE % "BatchNorm" * 2, ("a",), net=_NET),
    InvalidWeights("nvidia-0.14", _FILE % "InnerProduct", ("a",), net=_OLD_NET),
    InvalidWeights("nvidia-0.15", _THREE, ("bn",), net=_OWN_NET % ""),
    InvalidWeights(
        "bvlc", _THREE + _KERNEL, ("c",), net=_OWN_NET % "" + _CONV % "num_output: 1 kernel_size: 1"
    ),
    InvalidWeights("nvidia-0.15", _THREE, ("bn",)),
)
VALID = (
    WeightsExample("bvlc", _THREE, net=_OWN_NET % ""),
    WeightsExample("nvidia-0.17", _THREE, net=_OWN_NET % ""),
    WeightsExample("nvidia-0.17", _THREE),
    WeightsExample(
        "bvlc",
        _THREE + _KERNEL,
        net=_OWN_NET % "" + _CONV % "num_output: 1 kernel_size: 1 bias_term: false",
    ),
)
