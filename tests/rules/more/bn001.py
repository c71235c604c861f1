"""More of BN001: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.rule import Example, Invalid


def _net(batchnorm: str, reader: str, top: str) -> str:
    return f"""\
layer {{ name: "d" type: "Data" top: "data" top: "label" }}
layer {{ name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }}
layer {{
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "{top}"  # normalised
  {batchnorm}
}}
layer {{ name: "relu1" type: "ReLU" bottom: "{top}" top: "{top}" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "{top}" top: "ip" }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" {reader} }}
"""


_FILLERS = "batch_norm_param { scale_filler { value: 1 } }"

VALID = (
    Example("nvidia-0.15", _net(_FILLERS, "", "bn1")),
    Example("nvidia-0.15", _net("include { phase: TEST }", "", "conv1")),
    Example(
        "nvidia-0.14",
        'input: "x" input_dim: [1, 3, 8, 8]\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "x" }\n',
    ),
    Example("nvidia-0.15", _net("batch_norm_param { engine: CAFFE }", "", "conv1")),
)
INVALID = (
    Invalid(
        "nvidia-0.14",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" include { phase: TRAIN } }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" include { phase: TEST } }
layer { name: "r" type: "ReLU" bottom: "c" top: "c" }
layer { name: "s" type: "Silence" bottom: "c" }
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "bn" include { phase: TRAIN } }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "bn" include { phase: TEST } }
layer { name: "r" type: "ReLU" bottom: "bn" top: "bn" }
layer { name: "s" type: "Silence" bottom: "bn" }
""",
    ),
    # In place at the second top: no new name for the first one helps.
    Invalid(
        "nvidia-0.15",
        'layer { name: "d" type: "Data" top: "x" top: "y" }\n'
        'layer { name: "bn" type: "BatchNorm" bottom: "x" bottom: "y" top: "y" top: "y" }\n',
        (2,),
    ),
)
