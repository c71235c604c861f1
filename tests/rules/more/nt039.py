"""More of NT039: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(labels: str) -> str:
    return f"""\
layer {{ name: "d" type: "DummyData" top: "image" top: "label"
  dummy_data_param {{ shape {{ dim: [1, 4, 8, 8] }} shape {{ dim: [{labels}] }} }} }}
layer {{ name: "prior" type: "PriorBox" bottom: "image" bottom: "image" top: "prior"
  prior_box_param {{ min_size: 4 }} }}
layer {{ name: "loc" type: "Flatten" bottom: "image" top: "loc" }}
layer {{ name: "loss" type: "MultiBoxLoss" top: "loss"
  bottom: "loc" bottom: "loc" bottom: "prior"
  bottom: "label"
  multibox_loss_param {{ num_classes: 4 }}
}}
"""


VALID = (
    Example("ssd", _net("1, 1, 3, 8").replace("DummyData", "AnnotatedData")),
    Example("ssd", _net("1").replace('  bottom: "label"\n', "")),
)

INVALID = (
    Invalid("nvidia-0.17", _net("1, 1, 3, 7"), (8,)),
    Invalid("ssd", _net("1, 3, 8"), (8,)),
)
