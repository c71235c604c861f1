"""More of NT040: Dropout writes in TRAIN, and each layer is reported once for all states."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt040_inplace_clobbers_alias import _BACK, _BN, _HEAD, _SUM

_EARLY = 'layer { name: "early" type: "ReLU" bottom: "fc" top: "early" }\n'


_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "fc" type: "ReLU" bottom: "data" top: "fc" }
layer { name: "r" type: "Reshape" bottom: "fc" top: "r" }
layer { name: "w" type: "%s" bottom: "r" top: "r" }
layer { name: "sum" type: "Eltwise" bottom: "fc" bottom: "r" top: "sum" }
"""
INVALID = (
    Invalid("bvlc", _NET % "Dropout", (4,)),
    Invalid("bvlc", _NET % "TanH", (4,)),
    Invalid("nvidia-0.17", _HEAD + _BN % "r" + _BACK % "r" + _SUM, (4,)),
    Invalid("nvidia-0.15", (_HEAD + _BN % "r" + _SUM.replace('"b"', '"r"')), (4,)),
)

VALID = (
    Example("bvlc", _HEAD + _BN % "r" + _BACK % "r"),
    Example("bvlc", _HEAD + _EARLY + _BN % "r" + _BACK % "r"),
    Example(
        "bvlc",
        (_HEAD + _BN % "r" + _BACK % "r" + _SUM)
        .replace("Reshape", "Power")
        .replace("Flatten", "Power"),
    ),
    Example(
        "bvlc",
        (_HEAD + _BN % "r" + _BACK % "r" + _SUM).replace(
            '"BatchNorm"', '"Dropout" include { phase: TEST }'
        ),
    ),
)
