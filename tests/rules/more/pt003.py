"""More of PT003: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.pt003_foreign_dialect_field import _FILLER

VALID = (
    Example("nvidia-0.15", _FILLER),
    # Nobody knows it: PT002.
    Example("bvlc", "layer { frobnicate: 1 }\n"),
    # Wrong values and repeated fields are for PT007 and PT004.
    Example("bvlc", 'layer { name: 3 name: "a" }\n'),
    # With its layer type: PT005.
    Example("nvidia-0.14", 'layer { name: "s" type: "Scale" scale_param { axis: 1 } }\n'),
    Example("nvidia-0.17", 'layer {\n  type: "BN"\n  bn_param { }\n}\n'),
)
INVALID = (
    Invalid("nvidia-0.14", 'layer { name: "s" type: "ReLU" scale_param { axis: 1 } }\n', (1,)),
    Invalid("nvidia-0.17", 'layer {\n  type: "ReLU"\n  bn_param { }\n}\n', (3,)),
    Invalid("bvlc", "layer { bn_param { frozen: true } }\n" * 2, (1,)),
    Invalid("bvlc", "base_lr: 1\nlocal_gw_ratio: 0.001\n", (2,)),
    Invalid("intel", _FILLER, (7,)),
    Invalid("nvidia-0.14", 'base_lr: 0.1\ntype: "Adam"\n', (2,)),
)
