"""CPU mode with the cuDNN BatchNorm of NVIDIA 0.14.

What it does
    Reports `solver_mode: CPU` where a net of the solver has a BatchNorm that cuDNN runs.

Why it matters
    The layer keeps the order of cuDNN's blobs and runs the other engine's code in CPU mode.
    That takes gamma, beta and an unused 0 for mean, variance and factor: the output is
    x / sqrt(eps), and nothing says so.

Which Caffe
    NVIDIA 0.14. `engine` left out or DEFAULT is cuDNN in every build that has it, in CPU mode
    too. `engine: CAFFE` is right, but its weights are not cuDNN's: it means training again. From
    0.15 on both engines keep one order.

Evidence
    NVIDIA/DIGITS#694; cudnn_batch_norm_layer.cpp and batch_norm_layer.cpp @ v0.14.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver

from ._solver import first_place, label


@solver_rule(
    "SV004",
    "cpu-mode-with-cudnn-bn",
    Severity.ERROR,
    where=lambda caffe: any(kind.wrong_on_cpu for kind in caffe.kinds),
    words=("solver_mode",),
)
def check(solver: Solver) -> Iterator[Finding]:
    if solver.message.text("solver_mode") != "CPU":
        return
    for net in solver.nets:
        for layer in net.batchnorms:
            if net.traits(layer).engine == "CUDNN" and net.views_of(layer):
                yield Finding(
                    first_place(solver.message, "solver_mode"),
                    f"cuDNN BatchNorm of {solver.dialect.name} gives wrong results on CPU; "
                    "use the GPU, or engine: CAFFE",
                    related=(label(solver, net, layer.head, "such a layer"),),
                )
                return


VALID = (
    Example(
        "nvidia-0.14",
        """\
net: "net.prototxt"
base_lr: 0.1
solver_mode: GPU
""",
        others={"net.prototxt": 'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y"  }\n'},
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.14",
        """\
net: "net.prototxt"
base_lr: 0.1
solver_mode: CPU
""",
        (3,),
        others={"net.prototxt": 'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y"  }\n'},
    ),
)
