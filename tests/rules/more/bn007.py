"""More of BN007: more look-alikes."""

from protolint.lint.rule import Example, Invalid
from protolint.rules._statistics import ZEROS

_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
%s}
"""
_ZERO = f"  {ZEROS}\n"
_IDIOM = "  param { lr_mult: 0 }\n" * 3

VALID = (
    Example("nvidia-0.14", _NET % (_IDIOM + _ZERO * 2)),
    Example("nvidia-0.15", _NET % ("  param { }\n" + _ZERO * 2)),
    Example("nvidia-0.15", _NET % (_IDIOM + "  include { phase: TEST }\n")),
    Example("nvidia-0.15", (_NET % _IDIOM).replace("Data", "Input")),
    Example("nvidia-0.14", _NET % (_IDIOM + "  batch_norm_param { engine: CAFFE }\n")),
    Example("nvidia-0.15", _NET % (_IDIOM + _ZERO)),
)

INVALID = (
    Invalid(
        "nvidia-0.14",
        _NET % (_ZERO * 3),
        (4,),
        fixed=_NET % ("  param { lr_mult: 1 decay_mult: 1 }\n" * 2 + _ZERO * 3),
    ),
    Invalid("nvidia-0.15", _NET % ('  param { name: "m" lr_mult: 0 }\n' + _ZERO * 2), (4,)),
)
