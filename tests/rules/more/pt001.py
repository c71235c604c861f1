"""More of PT001: a file with an error and nothing else has one finding."""

from protolint.lint.rule import Example, Invalid

INVALID = (
    Invalid("bvlc", "\n\n}\n", (3,)),
    Invalid("bvlc", 'layer {\n  name: "conv1"\n', (3,)),
    Invalid("bvlc", 'layer { name: "a" }\n}\nlayer { name: "b }\n}\n', (2, 3)),
    Invalid("bvlc", "# nothing\n", (1,)),
    Invalid("bvlc", "}\n", (1,)),
)
VALID = (
    Example("bvlc", 'layer: < name: \'a\' \'b\' type: "ReLU", bottom: "x"; top: "x" >\n'),
    Example("bvlc", 'input: "data"\r\ninput_dim: [1, 3, 8, 0x8] # comment\r\n'),
)
