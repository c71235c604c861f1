"""More of BN015: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _twins(train: str, test: str) -> str:
    return f"""\
layer {{ name: "d" type: "Data" top: "x" }}
layer {{
  name: "bn" type: "BatchNorm" bottom: "x" top: "bn" include {{ phase: TRAIN }}
  batch_norm_param {{ {train}}}
}}
layer {{
  name: "bn" type: "BatchNorm" bottom: "x" top: "bn" exclude {{ phase: TRAIN }}
  batch_norm_param {{ {test}}}
}}
"""


_TRUE, _FALSE, _NATIVE = "use_global_stats: true ", "use_global_stats: false ", "engine: CAFFE "


VALID = (
    Example("bvlc", _twins(_FALSE, _TRUE)),
    Example("bvlc", _twins(_TRUE, _TRUE)),
    Example("bvlc", _twins(_TRUE, "")),
    Example("nvidia-0.15", _twins(_TRUE, _FALSE)),
)

INVALID = (
    Invalid(
        "nvidia-0.14",
        _twins(_NATIVE + _TRUE, _NATIVE + _FALSE),
        (4,),
        fixed=_twins(_NATIVE, _NATIVE),
    ),
    Invalid(
        "nvidia-0.15",
        _twins(_TRUE + _NATIVE, _FALSE + _NATIVE),
        (4,),
        fixed=_twins(_NATIVE, _NATIVE),
    ),
)
