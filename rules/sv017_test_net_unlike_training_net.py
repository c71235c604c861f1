"""A test net whose layers do not fit those that are trained.

What it does
    Reports a test net with a layer that has the name of a layer of the training net and other
    blobs: more of them, or of other shapes.

Why it matters
    The first test aborts: `Incompatible number of blobs for layer ip` or `Cannot share param 0
    weights from layer`.

Which Caffe
    All.

What to do
    Give both layers the same `num_output` and input, or another name to the one that is meant
    to be its own.

Evidence
    Net::ShareTrainedLayersWith (src/caffe/net.cpp) of every branch.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.net.solver_faults import SolverKind

from ._solver import findings


@solver_rule("SV017", "test-net-unlike-training-net", Severity.ERROR, faults=(SolverKind.SHARING,))
def check(solver: Solver) -> Iterator[Finding]:
    yield from findings(solver, SolverKind.SHARING)


VALID = (
    Example(
        "bvlc",
        """\
train_net: "net.prototxt"
test_net: "test.prototxt"
test_iter: 1
test_interval: 9
""",
        others={
            "net.prototxt": """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 2 } }
""",
            "test.prototxt": """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "own" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 3 } }
""",
        },
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
train_net: "net.prototxt"
test_net: "test.prototxt"
test_iter: 1
test_interval: 9
""",
        (2,),
        others={
            "net.prototxt": """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 2 } }
""",
            "test.prototxt": """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [2, 3] } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 3 } }
""",
        },
    ),
)
