"""More of WT006: a BatchNorm with a gamma of its own that is added to another blob."""

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt006_zero_gamma import _BN

_SUM = 'layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "y" top: "z" }\n'

_SPLIT = 'layer { name: "split" type: "Split" bottom: "y" top: "y_0" top: "y_1" }\n'

_OVERWRITTEN = 'layer { name: "relu" type: "ReLU" bottom: "y" top: "y" }\n'

_OTHER = 'layer { name: "other" type: "Eltwise" bottom: "x" bottom: "x" top: "z" }\n'

_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 4, 8, 8] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
layer { name: "scale" type: "Scale" bottom: "y" top: "y" scale_param { bias_term: true } }
"""


_BLOB = "  blobs { shape { dim: 2 } data: %s }\n"
INVALID = (
    InvalidWeights(
        "nvidia-0.17",
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"\n'
        + _BLOB % "[0.1, 0.2]"
        + _BLOB % "[1, 2]"
        + "  blobs { shape { dim: 1 } data: 1 }\n"
        + _BLOB % "[0, 0]" * 2
        + '}\nlayer { name: "sum" type: "Eltwise" bottom: "x" bottom: "y" top: "z" }\n',
        ("bn",),
    ),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 1", ("bn",)),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 0" + _SUM, ("bn",)),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 0" + _SPLIT + _SUM.replace('"y"', '"y_1"'), ("bn",)),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 0" + _OVERWRITTEN + _SUM, ("bn",)),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 0" + _OTHER, ("bn",)),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 0", ("bn",), net=_NET + _SUM),
    InvalidWeights("bvlc", _BN % "0, 0, 0, 0", ("bn",), net=_NET + _OTHER),
)

VALID = (
    WeightsExample("bvlc", (_BN % "0, 0, 0, 0").replace("BatchNorm", "ReLU")),
    WeightsExample("bvlc", (_BN % "0, 0, 0, 0").partition('layer {\n  name: "scale"')[0]),
)
