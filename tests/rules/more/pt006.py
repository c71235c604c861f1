"""More of PT006: when one `layers` among `layer` is a slip."""

from protolint.lint.rule import Example, Invalid

_NEW = 'layer { type: "ReLU" }\n' * 2
VALID = (Example("bvlc", "base_lr: 0.1 # no layers\n"),)
INVALID = (
    Invalid(
        "bvlc",
        _NEW + 'layer { type: RELU }\nlayers { type: "TanH" }\n',
        (3, 4),
    ),
    Invalid("bvlc", _NEW + 'layers: [{ type: "TanH" }]\n', (3, 3)),
    Invalid("bvlc", _NEW + 'layers { name: "x" }\n', (3,)),
)
