"""More of NT034: a net with a solver that is not run for training."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "bvlc",
        'input: "x" input_dim: [1, 3, 8, 8]\n'
        'layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y" }\n',
        {"solver.prototxt": 'net: "example.prototxt"\nbase_lr: 0.1\n'},
    ),
)
