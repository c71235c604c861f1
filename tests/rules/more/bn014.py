"""More of BN014: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_LAYER = 'layer { name: "%s" type: "%s" bottom: "x" top: "%s" include { phase: %s } }\n'
_DATA = 'layer { name: "d" type: "Data" top: "x" }\n'


def _twins(train: str, test: str, type: str = "BatchNorm", tops: str = "xx") -> str:
    twin = _LAYER % (train, type, tops[0], "TRAIN") + _LAYER % (test, type, tops[1], "TEST")
    return _DATA + twin


VALID = (
    Example("nvidia-0.15", _twins("bn1", "bn2", tops="ab")),
    Example("bvlc", _twins("a", "b", "ReLU")),
    Example("bvlc", _twins("bn1", "bn1") + (_twins("bn2", "bn2")).replace(_DATA, "")),
    Example("bvlc", _twins("a", "b").replace("Data", "Input")),
    Example("bvlc", _twins("a", "b", "Scale").replace(' bottom: "x"', ' bottom: "x" bottom: "w"')),
    Example("bvlc", _twins("a", "b").replace("include { phase: TEST }", "")),
    Example("bvlc", _twins("bn", "bn")),
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
