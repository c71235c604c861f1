"""More of BN011: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn011_global_stats_ignored import _NET

VALID = (
    Example("nvidia-0.15", _NET % "engine: CAFFE"),
    Example("nvidia-0.17", (_NET % "").replace("true", "false")),
    Example("nvidia-0.17", (_NET % "").replace("Data", "Input")),
    Example("nvidia-0.16", (_NET % "").replace('top: "bn"', 'top: "bn" include { phase: TEST }')),
)
INVALID = (
    Invalid("nvidia-0.15", _NET % "engine: CUDNN", (5,)),
    Invalid("nvidia-0.16", _NET % "engine: CAFFE", (5,)),
    Invalid("nvidia-0.17", _NET % "scale_bias: true", (5,)),
)
