"""More of NT003: a loss of weight 0 in a net with a duplicate top."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "c" }
layer { name: "e" type: "Log" bottom: "c" top: "e" loss_weight: 0 }
layer { name: "f" type: "ELU" bottom: "e" top: "e" }
layer { name: "a" type: "TanH" bottom: "c" top: "t" }
layer { name: "b" type: "TanH" bottom: "c" top: "t" }
""",
    ),
)
