"""More of NT040: Dropout writes in TRAIN, and each layer is reported once for all states."""

from protolint.lint.rule import Example, Invalid

_HEAD = """\
input: "data" input_dim: [4, 8, 1, 1]
layer { name: "fc" type: "ReLU" bottom: "data" top: "fc" }
layer { name: "r" type: "Reshape" bottom: "fc" top: "r" }
"""
_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "r" top: "%s" }\n'
_BACK = 'layer { name: "b" type: "Flatten" bottom: "%s" top: "b" }\n'
_SUM = 'layer { name: "sum" type: "Eltwise" bottom: "fc" bottom: "b" top: "sum" }\n'

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
    Example("bvlc", _HEAD + _BN % "bn" + _BACK % "bn" + _SUM),
)
