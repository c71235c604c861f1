"""More of BN006: a statistic that is masked already stays as it is written."""

from protolint.lint.rule import Example, Invalid
from protolint.rules._statistics import ZEROS

_BN = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
%s}
"""
_ONE, _ZERO = "  param { lr_mult: 1 }\n", f"  {ZEROS}\n"

_NATIVE = "  batch_norm_param { engine: CAFFE }\n"


_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { } param { } param { decay_mult: 0 } param { %s } }
"""
INVALID = (
    Invalid("nvidia-0.15", _NET % "", (3,), fixed=_NET % " lr_mult: 0 decay_mult: 0"),
    Invalid(
        "nvidia-0.14",
        _BN % (_ONE * 2 + _ZERO * 2),
        (2,),
        fixed=_BN % (_ONE * 2 + _ZERO * 3),
    ),
    Invalid("nvidia-0.14", _BN % _NATIVE, (2,), fixed=_BN % (_NATIVE + _ZERO * 3)),
    Invalid(
        "nvidia-0.14",
        _BN % (_ZERO + _NATIVE),
        (2,),
        fixed=_BN % (_ZERO + _NATIVE + _ZERO * 2),
    ),
    Invalid(
        "nvidia-0.15",
        _BN % '  param: [{ }, { }, { name: "m" lr_mult: 2 }]\n',
        (4,),
        fixed=_BN % f'  param: [{{ }}, {{ }}, {{ name: "m" lr_mult: 0 decay_mult: 0 }}]\n{_ZERO}',
    ),
    Invalid("nvidia-0.15", _BN % "", (2,), fixed=_BN % (_ONE * 2 + _ZERO * 2)),
    Invalid(
        "nvidia-0.15",
        _BN % (_ZERO * 2 + _ONE * 3),
        (6,),
        fixed=_BN % (_ZERO * 4 + _ONE),
        others={"solver.prototxt": 'net: "example.prototxt"\nweight_decay: 5e-4\n'},
    ),
)
VALID = (
    Example("nvidia-0.15", _BN % (_ZERO * 3)),
    Example("nvidia-0.15", _BN % (_ZERO * 4)),
    Example("nvidia-0.14", _BN % (_ONE * 3 + _ZERO * 2)),
    Example("nvidia-0.14", _BN % (_NATIVE + _ZERO * 3)),
    Example("nvidia-0.15", (_BN % "").replace("Data", "Input")),
    Example("nvidia-0.15", _BN % "  include { phase: TEST }\n"),
    Example(
        "nvidia-0.15",
        _BN % "",
        others={"solver.prototxt": 'net: "example.prototxt"\nbase_lr: 0.1\n'},
    ),
    Example("nvidia-0.15", _BN % (_ONE * 2 + _ZERO * 2)),
    Example("nvidia-0.15", _BN % ("  param { decay_mult: 0 }\n" * 4)),
)
