"""More of NT033: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt033_softmax_loss_over_one_channel import _net

VALID = (
    Example("bvlc", _net("2, 2, 1, 1")),
    Example("bvlc", _net("2, 1, 3, 4", "softmax_param { axis: 2 }")),
    Example("bvlc", _net("2, 1, 4, 4", "include { phase: TEST }")),
    Example("bvlc", 'layer { name: "l" type: "SoftmaxWithLoss" }\n'),
)

INVALID = (Invalid("nvidia-0.17", _net("2, 3, 1, 4", "softmax_param { axis: 2 }"), (6,)),)
