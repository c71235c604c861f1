"""Stochastic pooling in a solver that runs on the CPU.

What it does
    Reports `solver_mode: CPU` where the training net has a Pooling with `pool: STOCHASTIC`.

Why it matters
    The net is built, and the first pass aborts: `pooling_layer.cpp: Not Implemented Yet`.

Which Caffe
    All.

What to do
    Run on a GPU, or use MAX or AVE.

Evidence
    Forward_cpu (src/caffe/layers/pooling_layer.cpp) of every branch; seen in real builds of
    BVLC, SSD and NVIDIA 0.15 and 0.17.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import findings


@solver_rule("SV019", "stochastic-pooling-on-cpu", Severity.ERROR, faults=(SolverKind.MODE,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.MODE)


VALID = (
    Example(
        "bvlc",
        """\
net: "net.prototxt"
base_lr: 0.1
solver_mode: GPU
""",
        others={
            "net.prototxt": """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [2, 3, 8, 8] } } }
layer { name: "p" type: "Pooling" bottom: "x" top: "y"
  pooling_param { kernel_size: 2 pool: STOCHASTIC } }
"""
        },
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
net: "net.prototxt"
base_lr: 0.1
solver_mode: CPU
""",
        (3,),
        others={
            "net.prototxt": """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [2, 3, 8, 8] } } }
layer { name: "p" type: "Pooling" bottom: "x" top: "y"
  pooling_param { kernel_size: 2 pool: STOCHASTIC } }
"""
        },
    ),
)
