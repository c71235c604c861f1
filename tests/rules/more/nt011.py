"""More of NT011: a layer that no state keeps in a net with another fault."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "a" type: "Convolution" bottom: "x" top: "a" include { min_level: 1 }
  convolution_param { kernel_h: 3 } }
layer { name: "r" type: "ReLU" bottom: "nowhere" top: "r" }
""",
    ),
)
