"""More of NT032: a Softmax that reads nothing, which NT014 reports."""

from protolint.lint.rule import Example

VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "HDF5Data" top: "t" hdf5_data_param { source: "s" } }
layer { name: "p" type: "Softmax" top: "p" }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "p" bottom: "t" }
""",
    ),
)
