"""More of BN016: a Scale of two bottoms takes no part of a BatchNorm."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" top: "label" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" }
layer { name: "s" type: "Scale" bottom: "x" bottom: "label" top: "x" include { phase: TRAIN } }
layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "label" }
""",
    ),
)
