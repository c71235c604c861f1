"""More of BN004: whose filler is that of a gamma."""

from protolint.lint.rule import Example, Invalid


def _net(filler: str, scale: str = "", reader: str = "ReLU", source: str = "Data") -> str:
    return f"""\
layer {{ name: "d" type: "{source}" top: "data" }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv" }}
layer {{
  name: "bn" type: "BatchNorm" bottom: "conv" top: "bn"
  batch_norm_param {{ {filler} }}
}}
layer {{
  name: "scale" type: "Scale" bottom: "bn" top: "scale"
  scale_param {{ {scale} }}
}}
layer {{ name: "next" type: "{reader}" bottom: "scale" bottom: "conv" top: "next" }}
"""


_ZERO = 'filler { type: "constant" value: 0 }'

_SUM = 'layer { name: "sum" type: "Eltwise" bottom: "next" bottom: "conv" top: "sum" }\n'

_RELU = 'layer { name: "relu" type: "ReLU" bottom: "scale" top: "relu" }\n'


_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
layer { name: "r" type: "%s" bottom: "y" top: "r" %s }
"""
VALID = (
    # The messages of other layers are not looked at.
    Example("nvidia-0.15", _NET % ("ReLU", "batch_norm_param { scale_filler { } }")),
    Example("bvlc", _NET % ("ReLU", "scale_param { filler { } }")),
    Example("nvidia-0.15", _net('scale_filler { type: "gaussian" }')),
    Example("bvlc", _net("", "bias_term: true bias_filler { value: 0 }")),
    Example("bvlc", _net("", "axis: 1")),
    Example("bvlc", _net("", _ZERO, "Eltwise")),
    Example("nvidia-0.17", _net(f"scale_{_ZERO}", "", "Eltwise")),
    Example("bvlc", _net("", "filler { }", source="Input").replace("ReLU", "TanH")),
    Example("nvidia-0.14", _net("engine: CAFFE scale_filler { }")),
    Example("bvlc", _net("", "filler { }").replace('"Scale" bottom', '"Scale" bottom: "y" bottom')),
    Example("bvlc", _net("", "filler { }").replace("BatchNorm", "LRN")),
    Example(
        "bvlc",
        _net("", _ZERO, "Eltwise").replace('"next"', '"next" eltwise_param { operation: SUM }', 1),
    ),
    Example(
        "bvlc", _net("", _ZERO, "Bias").replace('bottom: "conv" top: "next"', 'top: "next"') + _SUM
    ),
    Example(
        "bvlc",
        _net("", _ZERO, "Dropout").replace('bottom: "conv" top: "next"', 'top: "next"') + _SUM,
    ),
    Example("nvidia-0.15", _net("scale_filler { value: 1 }", "filler { value: 1 }")),
)
#: In both states as in training.
_TRAINS = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" phase: TRAIN }
layer { name: "s" type: "Scale" bottom: "y" top: "y" scale_param { filler { value: %s } } }
"""
INVALID = (
    Invalid("bvlc", _TRAINS % "0", (3,), fixed=_TRAINS % "1"),
    Invalid(
        "nvidia-0.14",
        _net('scale_filler { type: "constant" }'),
        (5,),
        fixed=_net('scale_filler { type: "constant" value: 1 }'),
    ),
    Invalid(
        "nvidia-0.17",
        _net("scale_bias: false scale_filler { value: 0.0 }"),
        (5,),
        fixed=_net("scale_bias: false scale_filler { value: 1 }"),
    ),
    Invalid("bvlc", _net("", "filler { value: 0 }"), (9,), fixed=_net("", "filler { value: 1 }")),
    Invalid(
        "nvidia-0.16",
        _net("scale_filler { }", "filler { }", "Eltwise"),
        (5, 9),
        fixed=_net("scale_filler { value: 1 }", "filler { value: 1 }", "Eltwise"),
    ),
    Invalid("nvidia-0.15", _net("scale_filler { val: 1 }"), (5,)),
    Invalid(
        "bvlc",
        _net("", _ZERO, "Eltwise").replace('"next"', '"next" eltwise_param { operation: PROD }', 1),
        (9,),
    ),
    Invalid(
        "bvlc",
        _net("", _ZERO, "Dropout").replace('bottom: "conv" top: "next"', 'top: "next"')
        + _RELU
        + _SUM,
        (9,),
    ),
)
