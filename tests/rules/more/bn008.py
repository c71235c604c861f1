"""More of BN008: a layer that no state keeps in a net with another fault."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Input" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { min_level: 1 }
  param { } param { } param { } param { } }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
""",
    ),
)
