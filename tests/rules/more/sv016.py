"""More of SV016: nets that are built."""

from protolint.lint.rule import Example, Invalid
from protolint.rules._solver import NET
from protolint.rules.sv016_solver_net_not_built import _SOLVER, _STAGES

_TESTS = "test_iter: 1\ntest_interval: 9\n"
_TRAINS = {"net.prototxt": NET["net.prototxt"].replace("top", "include { phase: TRAIN } top", 1)}

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
    Example("bvlc", _SOLVER + _TESTS, NET),
)
INVALID = (
    Invalid("bvlc", _SOLVER, (1,), None, {"net.prototxt": "layer { name: 'a'"}),
    Invalid(
        "bvlc",
        f"net_param {{\n{_DATA}}}\n{_TESTS}",
        (1,),
    ),
    Invalid("nvidia-0.17", _SOLVER + _TESTS, (1,), None, _TRAINS),
    Invalid("bvlc", _SOLVER, (1,), None, {"net.prototxt": "layer { nam: 'a' }"}),
)
