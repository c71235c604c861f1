"""More of SV016: nets that are built."""

from protolint.lint.rule import Example, Invalid
from protolint.rules.sv016_solver_net_not_built import _SOLVER, _STAGES, _TESTS, _TRAINS

_DATA = """\
layer { name: "d" type: "HDF5Data" top: "x" hdf5_data_param { source: "a" batch_size: 2 }
  include { phase: TRAIN } }
layer { name: "r" type: "ReLU" bottom: "x" top: "y" }
"""


VALID = (
    Example("bvlc", _SOLVER, _TRAINS),
    Example("bvlc", f"{_SOLVER}{_TESTS}test_state {{ phase: TRAIN }}\n", _TRAINS),
    Example("bvlc", f"net_param {{\n{_STAGES['net.prototxt']}}}\n"),
    Example("bvlc", _SOLVER),
)
INVALID = (
    Invalid("bvlc", _SOLVER, (1,), None, {"net.prototxt": "layer { name: 'a'"}),
    Invalid(
        "bvlc",
        f"net_param {{\n{_DATA}}}\n{_TESTS}",
        (1,),
    ),
)
