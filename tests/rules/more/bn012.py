"""More of BN012: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param {
%s  }
}
"""
_FALSE = "    use_global_stats: false\n"

_NATIVE = "    engine: CAFFE\n"

_TWIN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "d" top: "bn" include { phase: %s }
  batch_norm_param { use_global_stats: %s }
}
"""

VALID = (
    Example("bvlc", (_NET % _FALSE).replace("false", "true")),
    Example("bvlc", _TWIN % ("TRAIN", "false") + _TWIN % ("TEST", "true")),
    Example("bvlc", _TWIN % ("TRAIN", "true") + _TWIN % ("TEST", "false")),
    Example("nvidia-0.15", _NET % _FALSE),
    Example("bvlc", _NET % ""),
)
INVALID = (
    Invalid("nvidia-0.14", _NET % (_NATIVE + _FALSE), (6,), fixed=_NET % _NATIVE),
    Invalid(
        "nvidia-0.15",
        (_NET % (_FALSE + _NATIVE)).replace("Data", "Input"),
        (5,),
        fixed=(_NET % _NATIVE).replace("Data", "Input"),
    ),
    Invalid("bvlc", _TWIN % ("TRAIN", "false") + _TWIN % ("TEST", "false"), (7,)),
)
