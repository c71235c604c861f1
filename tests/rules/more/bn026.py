"""More of BN026: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn026_shared_stats_incomplete import _F, _M, _V, _net, _params

_CAFFE = "batch_norm_param { engine: CAFFE }"

VALID = (
    Example("bvlc", _net(_params("", "", ""), _params("", "", ""))),
    Example("bvlc", _net(_params(_M, _V, _F), "")),
    Example("nvidia-0.14", _net(_params(_M, _V), _params(_M, _V))),
    Example(
        "bvlc",
        _net(_params(_M, _V), _params(_M, _V))
        .replace('"a" \n', '"a" include { phase: TRAIN }\n')
        .replace('"b" \n', '"b" include { phase: TEST }\n'),
    ),
    Example("bvlc", _net(_params(_M, _V), _params(_F))),
    Example("bvlc", _net(_params(_M, _V, _F), _params(_M, _V, _F))),
)
INVALID = (
    Invalid("bvlc", _net(_params("", "", _F), _params("", "", _F)), (12,)),
    Invalid(
        "nvidia-0.14",
        _net(_params(_M, _V, _F), _params(_M, "", _F), _CAFFE),
        (10,),
        fixed=_net(
            _params(_M, _V, _F),
            _params(_M, "", _F).replace("param {  lr_mult: 0", 'param {  lr_mult: 0 name: "v"'),
            _CAFFE,
        ),
    ),
    Invalid("bvlc", _net(_params(_M, _V, _F), _params(_M, 'name: "o"')), (10,)),
)
