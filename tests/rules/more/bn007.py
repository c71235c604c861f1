"""More of BN007: more look-alikes."""

from protolint.lint.rule import Example
from protolint.rules.bn007_bvlc_idiom_freezes_affine import _IDIOM, _NET, _ZERO

VALID = (
    Example("nvidia-0.14", _NET % (_IDIOM + _ZERO * 2)),
    Example("nvidia-0.15", _NET % ("  param { }\n" + _ZERO * 2)),
    Example("nvidia-0.15", _NET % (_IDIOM + "  include { phase: TEST }\n")),
    Example("nvidia-0.15", (_NET % _IDIOM).replace("Data", "Input")),
)
