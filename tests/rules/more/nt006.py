"""More of NT006: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt006_bn_bypassed import _net

VALID = (
    Example("bvlc", _net("c", "c")),
    Example("bvlc", _net("bn", "c", data="Input")),
    Example("bvlc", _net("bn", "data")),
    Example("bvlc", _net("bn", "c") + 'layer { name: "s" type: "Silence" bottom: "bn" }\n'),
    Example(
        "nvidia-0.15",
        _net("bn", "c")
        + 'layer { name: "e" type: "Eltwise" bottom: "bn" bottom: "ip" top: "e" '
        + "include { phase: TEST } }\n",
    ),
    Example("bvlc", _net("bn", "c").replace('  top: "bn"\n', "")),
    Example("bvlc", _net("bn", "c").replace('  bottom: "c"\n', "")),
    Example("bvlc", _net("c", "data")),
)
INVALID = (
    Invalid("nvidia-0.17", _net("bn", "c", "include { phase: TRAIN }"), (7,)),
    Invalid("nvidia-0.15", _net("bn", "c").replace("BatchNorm", "Scale"), (7,)),
    Invalid("bvlc", _net("bn", 'label" bottom: "c'), (7,)),
)
