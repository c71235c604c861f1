"""More of WT013: which layer of the file may be meant."""

from protolint.lint.weights_example import InvalidWeights

_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "bn1" type: "BatchNorm" bottom: "x" top: "y" }
layer { name: "scale1" type: "Scale" bottom: "y" top: "y" }
layer { name: "fc" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 1 } }
"""
_BN = """\
layer {
  name: "bn1" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
"""
_SCALE = """\
layer { name: "s1" type: "Scale" bottom: "y" top: "y"
  blobs { shape { dim: 2 } data: [1.5, 1] } }
"""
INVALID = (
    InvalidWeights("bvlc", _BN + _SCALE, ("scale1", "fc"), net=_NET),
    InvalidWeights("bvlc", _BN, ("scale1", "fc"), net=_NET),
)
