"""More of BN028: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn028_stored_statistics_wrong_gradient import _NET

_FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"

VALID = (
    Example("nvidia-0.15", (_NET % ("", "")).replace("Data", "Input")),
    Example("nvidia-0.15", _NET % ("", "  include { phase: TEST }\n")),
    Example("nvidia-0.15", _NET % (_FROZEN, "")),
    Example("nvidia-0.15", (_NET % ("", "")).replace('top: "p"', 'top: "p" propagate_down: false')),
    Example("nvidia-0.15", (_NET % ("", "")).replace("Convolution", "LRN")),
    Example("nvidia-0.15", (_NET % ("", "")).replace("stats: true", "stats: false")),
    Example("nvidia-0.15", (_NET % ("", "")).replace(' bottom: "p"', "")),
)
INVALID = (
    Invalid("nvidia-0.15", _NET % ("param { lr_mult: 0 }", "  include { phase: TRAIN }\n"), (8,)),
    Invalid(
        "nvidia-0.15",
        'layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "b" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "b" top: "b"\n'
        "  batch_norm_param { engine: CAFFE use_global_stats: true }\n}\n",
        (4,),
    ),
)
