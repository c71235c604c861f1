"""More of BN022: a layer of the old form, whose fields are others."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "nvidia-0.17",
        """\
layers { name: "d" type: DATA top: "x" }
layers { name: "c" type: CONVOLUTION bottom: "x" top: "c" convolution_param { num_output: 8 } }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" }
""",
    ),
)
