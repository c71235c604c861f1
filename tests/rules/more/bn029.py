"""More of BN029: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: %d } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "y"
  batch_norm_param {
    eps: 1e-4
%s  }
}
"""

_GRAY = 'input: "x" input_shape { dim: [1, %s, 8, 8] }\n'

_IMAGES = """\
layer { name: "d" type: "ImageData" top: "x" top: "y" image_data_param { is_color: false } }
"""

_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" %s }\n'

_ON = "batch_norm_param { scale_bias: true%s }"

_SCALE = (
    'layer { name: "bn_scale" type: "Scale" bottom: "x" top: "x" scale_param { '
    "bias_term: true } }\n"
)

VALID = (
    Example("nvidia-0.17", _NET % (1, "    scale_bias: false\n")),
    Example("nvidia-0.17", _NET % (2, "    scale_bias: true\n")),
    Example("nvidia-0.16", _GRAY % "3" + _BN % _ON % ""),
    Example("nvidia-0.17", 'layer { name: "d" type: "Data" top: "x" }\n' + _BN % _ON % ""),
    Example("nvidia-0.17", _NET % (1, "")),
)
INVALID = (
    Invalid(
        "nvidia-0.16",
        _GRAY % "1" + _BN % ("param { } " * 5 + _ON % " bias_filler { }"),
        (2,),
        fixed=_GRAY % "1"
        + _BN % ("param { } " * 3 + "batch_norm_param { }")
        + 'layer { name: "bn_scale" type: "Scale" bottom: "x" top: "x" scale_param { '
        "bias_term: true bias_filler { } } }\n",
    ),
    Invalid("nvidia-0.17", _GRAY % "1" + _BN % _ON % " engine: CAFFE", (2,)),
    Invalid("nvidia-0.17", _IMAGES + _BN % _ON % " engine: CAFFE", (2,)),
    Invalid(
        "nvidia-0.17",
        _GRAY % "1" + _BN % _ON % " engine: CAFFE".replace("CAFFE", "CUDNN"),
        (2,),
        fixed=_GRAY % "1" + _BN % "batch_norm_param { engine: CUDNN }" + _SCALE,
    ),
    Invalid(
        "nvidia-0.17",
        _GRAY % "1" + (_BN % _ON % " engine: CAFFE").replace('top: "x"', 'top: "y"'),
        (2,),
        fixed=_GRAY % "1"
        + (_BN % "batch_norm_param { engine: CAFFE }").replace('top: "x"', 'top: "y"')
        + _SCALE.replace('"x"', '"y"'),
    ),
    Invalid("nvidia-0.16", _GRAY % "1" + _BN % ("param: [{ }, { }, { }, { }] " + _ON % ""), (2,)),
    Invalid("nvidia-0.17", _IMAGES + _BN % ("include { phase: TRAIN } " + _ON % ""), (2,)),
    Invalid("nvidia-0.17", _GRAY % "1" + _BN % _ON % " scale_filler { # one\nvalue: 1 }", (2,)),
)
