"""More of NT032: a Softmax that reads nothing, which NT014 reports."""

from protolint.lint.rule import Example, Invalid


def _net(activation: str, loss: str, more: str = "") -> str:
    return f"""\
layer {{ name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param {{ source: "s" }} }}
layer {{ name: "p" type: "{activation}" bottom: "x" top: "p" {more} }}
layer {{ type: "{loss}" name: "l"
  bottom: "p"
  bottom: "t"
}}
"""


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "HDF5Data" top: "t" hdf5_data_param { source: "s" } }
layer { name: "p" type: "Softmax" top: "p" }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "p" bottom: "t" }
""",
    ),
    Example("bvlc", _net("Softmax", "MultinomialLogisticLoss")),
    Example("bvlc", _net("Sigmoid", "SoftmaxWithLoss")),
    Example("bvlc", _net("Softmax", "SoftmaxWithLoss", "softmax_param { axis: 2 }")),
    Example(
        "bvlc",
        _net("Softmax", "SoftmaxWithLoss").replace(
            '"SoftmaxWithLoss"', '"SoftmaxWithLoss" phase: TEST'
        ),
    ),
)

INVALID = (Invalid("nvidia-0.17", _net("Sigmoid", "SigmoidCrossEntropyLoss"), (4,)),)
