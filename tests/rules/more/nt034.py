"""More of NT034: a net with a solver that is not run for training."""

from protolint.lint.rule import Example, Invalid

_DATA = """\
layer { name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" }
  include { phase: TRAIN } }
"""
_FC = """\
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 3 } }
"""

_LOSS = 'layer { name: "l" type: "EuclideanLoss" bottom: "y" bottom: "t" top: "l" %s }\n'

_SOLVER = {"solver.prototxt": 'net: "example.prototxt"\nbase_lr: 0.1\n'}


VALID = (
    Example(
        "bvlc",
        'input: "x" input_dim: [1, 3, 8, 8]\n'
        'layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y" }\n',
        {"solver.prototxt": 'net: "example.prototxt"\nbase_lr: 0.1\n'},
    ),
    Example("bvlc", _DATA + _FC + _LOSS % ""),
    Example("bvlc", _DATA + _FC + 'layer { name: "l" type: "Python" bottom: "y" top: "l" }\n'),
    Example("bvlc", _DATA + _FC + 'layer { name: "l" type: "OwnLoss" bottom: "y" top: "l" }\n'),
    Example(
        "bvlc",
        _DATA + _FC + 'layer { name: "l" type: "Reduction" bottom: "y" top: "l" loss_weight: 1 }\n',
    ),
    Example("bvlc", _DATA + _FC.replace("top", "param { lr_mult: 0 } param { lr_mult: 0 } top")),
)

INVALID = (
    Invalid("nvidia-0.17", _DATA + _FC + _LOSS % "loss_weight: 0", (5,)),
    Invalid("bvlc", _DATA + _FC + _LOSS % "include { phase: TEST }", (3,)),
    Invalid("bvlc", _DATA.replace("include { phase: TRAIN }", "") + _FC, (3,), None, _SOLVER),
)
