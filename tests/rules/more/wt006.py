"""More of WT006: a BatchNorm with a gamma of its own that is added to another blob."""

from protolint.lint.weights_example import InvalidWeights

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
)
