"""More of BN014: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.bn014_twin_name_mismatch import _DATA, _twins

VALID = (
    Example("nvidia-0.15", _twins("bn1", "bn2", tops="ab")),
    Example("bvlc", _twins("a", "b", "ReLU")),
    Example("bvlc", _twins("bn1", "bn1") + (_twins("bn2", "bn2")).replace(_DATA, "")),
    Example("bvlc", _twins("a", "b").replace("Data", "Input")),
    Example("bvlc", _twins("a", "b", "Scale").replace(' bottom: "x"', ' bottom: "x" bottom: "w"')),
    Example("bvlc", _twins("a", "b").replace("include { phase: TEST }", "")),
)
INVALID = (
    Invalid(
        "nvidia-0.17", _twins("s", "t", "Scale", "yy"), (3,), fixed=_twins("s", "s", "Scale", "yy")
    ),
    Invalid(
        "nvidia-0.15",
        _twins("bn", "bn_test") + 'layer { name: "bn" type: "Silence" bottom: "x" }\n',
        (3,),
    ),
    Invalid(
        "nvidia-0.16",
        """\
layer { name: "d" type: "Input" top: "x" }
layer { name: "a" type: "BatchNorm" bottom: "x" top: "x" include { stage: "train" } }
layer {
  type: "BatchNorm" bottom: "x" top: "x" exclude { stage: "train" }
  name: "b"
}
""",
        (5,),
    ),
    Invalid("bvlc", _twins("", "bn"), (3,)),
)
