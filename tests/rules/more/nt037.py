"""More of NT037: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid
from protolint.rules.nt037_gradient_to_labels import _ssd


def _loss(type: str, label: str, more: str = "") -> str:
    return f"""\
layer {{ name: "d" type: "DummyData" top: "x" top: "t"
  dummy_data_param {{ shape {{ dim: [2, 3] }} shape {{ dim: [2, 3] }} }} }}
layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a"
  inner_product_param {{ num_output: 3 weight_filler {{ type: "msra" }} }} }}
layer {{ name: "l" type: "{type}" bottom: "a" {more}
  bottom: "{label}"
}}
"""


_DOWN = "propagate_down: [%s]"

_OTHER = """\
layer { name: "e" type: "DummyData" top: "e" dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "b" type: "InnerProduct" bottom: "e" top: "b"
  inner_product_param { num_output: 4 weight_filler { type: "msra" } } }
"""
_CE = "SigmoidCrossEntropyLoss"

VALID = (
    Example("ssd", _ssd(_DOWN % "true, true, false, false")),
    Example("ssd", _ssd("include { phase: TEST }")),
    Example("bvlc", _loss(_CE, "t")),
    Example("bvlc", _loss(_CE, "a", _DOWN % "true, false")),
    Example("bvlc", _loss("EuclideanLoss", "a")),
    Example("bvlc", _loss(_CE, "a", "loss_weight: 0")),
    Example("bvlc", _loss(_CE, "t", _DOWN % "true, true, true")),
    Example("bvlc", _loss("InfogainLoss", "t")),
    # NT026 and NT021 are about the loss itself.
    Example("bvlc", _loss(_CE, "t", _DOWN % "true")),
    Example("bvlc", _OTHER + _loss(_CE, "b")),
)
INVALID = (
    Invalid("nvidia-0.17", _ssd(_DOWN % "true, true, false, true"), (12,)),
    Invalid("bvlc", _loss(_CE, "a"), (6,)),
    Invalid("bvlc", _loss(_CE, "t", _DOWN % "true, true"), (6,)),
    # What is wrong elsewhere does not hide it.
    Invalid("bvlc", _loss(_CE, "a") + 'layer { name: "o" type: "ReLU" top: "o" }\n', (6,)),
    # Nothing makes an input, so that there is no place to show beside it.
    Invalid(
        "bvlc",
        'input: "u" input_shape { dim: [2, 3] }\n' + _loss(_CE, "u", _DOWN % "true, true"),
        (7,),
    ),
)
