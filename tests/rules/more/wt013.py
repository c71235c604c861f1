"""More of WT013: which layer of the file may be meant."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_OWN_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "bn1" type: "BatchNorm" bottom: "x" top: "y" }
layer { name: "fc" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 1 } }
"""
_OWN_BN = """\
layer {
  name: "%s" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
"""
_BEFORE, _, _AFTER = _OWN_NET.partition('layer { name: "fc"')

_FC = """\
layer {
  name: "%s" type: "InnerProduct" bottom: "y" top: "z"
  blobs { shape { dim: [1, 128] } %s }
  blobs { shape { dim: 1 } data: 0 }
}
""".replace("%s }", "data: [" + ", ".join(["0.5"] * 128) + "] }")

_OWN_SCALE = """\
layer {
  name: "%s" type: "Scale" bottom: "y" top: "y"
  blobs { shape { dim: 2 } data: [1.5, 1] }
}
"""

_MIDDLE = 'layer { name: "scale1" type: "Scale" bottom: "y" top: "y" }\nlayer { name: "fc"'

_FIRST = 'layer { name: "fc1" blobs { shape { dim: [1, 1] } data: 1 } }\n'

_SHARED = (
    'layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 1] } } }\n'
    + (
        "".join(
            f'layer {{ name: "{name}" type: "InnerProduct" bottom: "x" top: "{name}"'
            ' param { name: "w" } inner_product_param { num_output: 1 bias_term: false } }\n'
            for name in ("fc1", "fc2")
        )
    )
)


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
_PLAIN = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 1, 1] } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "y" convolution_param { %s } }
layer { name: "bn1" type: "BatchNorm" bottom: "y" top: "y" }
layer { name: "fc" type: "InnerProduct" bottom: "y" top: "z" inner_product_param { num_output: 1 } }
"""
_FOUR = "blobs { shape { dim: [2, 2, 1, 1] } data: [1, 2, 3, 4] }"
_TWO = "blobs { shape { dim: 2 } data: [1, 2] }"
_FOLDED = f'layer {{ name: "c" type: "Convolution" {_FOUR} {_TWO} }}\n'
_KERNEL = "num_output: 2 kernel_size: 1"
INVALID = (
    # Folded weights, as it seems, and a layer that they lack besides.
    InvalidWeights("bvlc", _FOLDED, ("bn1", "fc"), net=_PLAIN % _KERNEL),
    InvalidWeights("bvlc", _BN + _SCALE, ("fc", "scale1"), net=_NET),
    InvalidWeights("bvlc", _BN, ("scale1", "fc"), net=_NET),
    InvalidWeights("nvidia-0.17", _OWN_BN % "bn_1" + _FC % "fc", ("bn1",), net=_OWN_NET),
    InvalidWeights(
        "bvlc",
        _OWN_BN % "bn1" + _OWN_SCALE % "s1" + _FC % "fc",
        ("scale1",),
        net=_BEFORE + _MIDDLE + _AFTER,
    ),
    InvalidWeights("bvlc", _OWN_BN % "norm" + _FC % "classifier", (None,), net=_OWN_NET),
    InvalidWeights("bvlc", _FC % "other", ("bn1",), net=_BEFORE),
    InvalidWeights("bvlc", _OWN_BN % "bn1" + _FC % "fc_old", ("fc",), net=_OWN_NET),
    InvalidWeights(
        "bvlc",
        _OWN_BN % "bn1" + _FC % "fb",
        ("fc",),
        net=_OWN_NET
        + _OWN_NET.splitlines()[2].replace('"fc"', '"fb"').replace('"z"', '"zz"')
        + "\n",
    ),
    InvalidWeights("bvlc", _OWN_BN % "bn1", ("fc",), net=_OWN_NET, hdf5=True, name="model.h5"),
)
VALID = (
    # WT004.
    WeightsExample(
        "bvlc",
        _FOLDED + _FC.replace("128", "2").replace("[" + ", ".join(["0.5"] * 128), "[0.5, 1") % "fc",
        net=_PLAIN % f"{_KERNEL} bias_term: false",
    ),
    WeightsExample("bvlc", _OWN_BN % "bn1" + _FC % "fc", net=_OWN_NET),
    WeightsExample("bvlc", _FC % "fc", net=_OWN_NET.replace('"BatchNorm"', '"ReLU"')),
    WeightsExample("bvlc", _FIRST, net=_SHARED),
    WeightsExample("bvlc", _FIRST, net=_SHARED, hdf5=True, name="model.h5"),
)
