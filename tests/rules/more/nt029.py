"""More of NT029: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid

VALID = (Example("bvlc", 'input: "x" input_shape { dim: 1 } input_shape { dim: 2 }\n'),)

INVALID = (
    Invalid("nvidia-0.14", 'input: "x" input_shape { dim: 1 } input_shape { dim: 2 }\n', (1,)),
    Invalid(
        "bvlc",
        'layer { name: "d" type: "DummyData" top: "x" top: "y" top: "z"\n'
        "  dummy_data_param { shape { dim: 1 } shape { dim: 2 } } }\n",
        (2,),
    ),
)
