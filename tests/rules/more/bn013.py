"""More of BN013: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(conv: str, scale: str, stats: str = "use_global_stats: true ") -> str:
    return f"""\
layer {{ name: "d" type: "Data" top: "data" }}
layer {{
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  {conv}
}}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{
  name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param {{ {stats}}}
}}
layer {{ name: "scale" type: "Scale" bottom: "conv" top: "conv" {scale} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "data" }}
"""


_FILLER = 'convolution_param { weight_filler { type: "msra" } }'
_BIAS, _ZERO = "scale_param { bias_term: true }", "param { lr_mult: 0 }"

_SOLVER = 'net: "example.prototxt"\nbase_lr: 0.1\n'

_DEPLOY = _net(_FILLER, _BIAS).replace('"Data"', '"Input"').replace("EuclideanLoss", "Silence")

VALID = (
    Example("bvlc", _net(_FILLER, _BIAS, "")),
    # It is only run.
    Example("bvlc", _net(_FILLER, _BIAS).replace("EuclideanLoss", "Silence")),
    Example("bvlc", _net("", _BIAS)),
    Example("bvlc", _net(f"{_ZERO} {_FILLER}", _BIAS)),
    Example("bvlc", _net(_FILLER, f"{_BIAS} {_ZERO} {_ZERO}")),
    Example("bvlc", _net(_FILLER, _ZERO)),
    Example("bvlc", _net(_FILLER, _BIAS), others={"solver.prototxt": _SOLVER + 'weights: "w"\n'}),
    Example("bvlc", _DEPLOY),
    Example("nvidia-0.15", _net(_FILLER, _BIAS)),
    Example(
        "bvlc",
        _net(_FILLER, _BIAS).replace("batch_n", "include { phase: TRAIN } batch_n")
        + 'layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv"\n'
        "  include { phase: TEST } batch_norm_param { use_global_stats: false } }\n",
    ),
    Example("bvlc", _net("convolution_param { num_output: 4 }", _BIAS)),
)
INVALID = (
    Invalid("bvlc", _net(_FILLER, _BIAS).replace("EuclideanLoss", "OwnLoss"), (9,)),
    Invalid("bvlc", _net(_FILLER, _BIAS).replace("EuclideanLoss", "Python"), (9,)),
    Invalid("bvlc", _net(_FILLER, f"{_BIAS} {_ZERO}"), (9,)),
    Invalid("bvlc", _net(_FILLER, "").replace("Scale", "TanH"), (9,)),
    Invalid("bvlc", _net(_FILLER, ""), (9,), others={"solver.prototxt": _SOLVER}),
    Invalid(
        "nvidia-0.15",
        _net(_FILLER, "", "engine: CAFFE use_global_stats: true "),
        (9,),
        fixed=_net(_FILLER, "", "engine: CAFFE "),
    ),
    Invalid("bvlc", _net("param { lr_mult: 1 } " + _FILLER, _BIAS), (9,)),
)
