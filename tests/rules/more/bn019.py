"""More of BN019: an engine that cannot have gamma and beta in a Caffe whose other one can."""

from protolint.lint.rule import Example, Invalid

_DATA = 'layer { name: "d" type: "Data" top: "x" }\n'
_BN = 'layer {\n  name: "bn" type: "BatchNorm" bottom: "x" top: "y"\n%s}\n'
_READ = 'layer { name: "r" type: "%s" bottom: "y" top: "r" }\n'
_RELU = _DATA + _BN + _READ % "ReLU"

_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { engine: CAFFE } }%s
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
"""
_SCALE = """
layer { name: "bn_scale" type: "Scale" bottom: "y" top: "y" scale_param { bias_term: true } }"""
INVALID = (
    Invalid("intel", _NET % "", (2,), fixed=_NET % _SCALE),
    Invalid(
        "bvlc",
        'layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" } # BN\n'
        + _READ % "Convolution"
        + 'layer { name: "e" type: "ELU" bottom: "x" top: "x" }',
        (2,),
        fixed='layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" } # BN\n'
        'layer { name: "bn_scale" type: "Scale" bottom: "x" top: "x" scale_param '
        "{ bias_term: true } }\n"
        + _READ % "Convolution"
        + 'layer { name: "e" type: "ELU" bottom: "x" top: "x" }',
    ),
    Invalid(
        "nvidia-0.17",
        _RELU % "  batch_norm_param { eps: 1e-4 scale_bias: false }\n",
        (2,),
        fixed=_RELU % "  batch_norm_param { eps: 1e-4 scale_bias: true }\n",
    ),
    Invalid(
        "nvidia-0.16",
        _DATA + _BN % "" + _READ % "PReLU",
        (2,),
        fixed=_DATA + _BN % "  batch_norm_param {\n    scale_bias: true\n  }\n" + _READ % "PReLU",
    ),
    Invalid("nvidia-0.14", _RELU % "  batch_norm_param { engine: CAFFE }\n", (2,)),
    Invalid("bvlc", _RELU % "  include { phase: TRAIN }\n", (2,)),
    # Layers stay as far apart as they are.
    Invalid(
        "bvlc",
        (_DATA + _BN % "").replace("}\n", "}\n\n") + _READ % "ReLU",
        (3,),
        fixed=(_DATA + _BN % "").replace("}\n", "}\n\n")
        + 'layer {\n  name: "bn_scale"\n  type: "Scale"\n  bottom: "y"\n  top: "y"\n'
        "  scale_param {\n    bias_term: true\n  }\n}\n\n" + _READ % "ReLU",
    ),
    # Two of one name, which is for NT005, get two Scale layers of two names.
    Invalid("bvlc", _RELU % "" + (_BN % "" + _READ % "ReLU").replace('"y"', '"z"'), (2, 6)),
)
VALID = (
    Example("bvlc", _DATA + _BN % "" + _READ % "Bias"),
    Example("bvlc", _DATA + _BN % "" + _READ % "Convolution"),
    Example("bvlc", _DATA + _BN % "" + _READ % "InnerProduct"),
    Example("bvlc", _DATA + _BN % "" + _READ % "Deconvolution"),
    Example("nvidia-0.17", _DATA + _BN % "" + _READ % "Sigmoid"),
    Example("nvidia-0.16", _DATA + _BN % "" + _READ % "TanH"),
    Example("bvlc", (_RELU % "").replace("Data", "Input")),
    Example("bvlc", _RELU % "  include { phase: TEST }\n"),
    Example("nvidia-0.14", _RELU % ""),
    Example("nvidia-0.17", _RELU % "  batch_norm_param { scale_bias: true }\n"),
    Example("nvidia-0.16", _RELU % "  batch_norm_param { bias_filler { } }\n"),
    Example("bvlc", _DATA + _BN % "" + _READ % "Bias" + _READ % "ReLU"),
    Example("bvlc", _DATA + _BN % "" + _READ % "Scale" + _READ % "ReLU"),
)
