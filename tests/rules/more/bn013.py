"""More of BN013: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn013_frozen_stats_from_scratch import _BIAS, _FILLER, _ZERO, _net

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
