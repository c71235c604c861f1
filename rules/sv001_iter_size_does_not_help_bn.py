"""Gradients added up over several small batches, which does nothing for BatchNorm.

What it does
    Reports `iter_size` above 1 where the training net has a BatchNorm that works with the
    statistics of the batch and takes fewer than 16 images at a time: a warning up to 4 images,
    else advice.

Why it matters
    `iter_size` makes one step out of several passes. Each pass still normalises by its own
    few images, and moves the stored statistics once: only the gradient sees the larger batch.

Which Caffe
    All. NVIDIA splits the batch of the file over the GPUs, so each sees fewer still. A
    BatchNorm with `use_global_stats: true` does not mind, where that is obeyed.

Evidence
    BVLC/caffe#4716, #5705, weiliu89/caffe#598, cvjena/cnn-models#5; seen in BVLC master and
    NVIDIA 0.14.5 to 0.17.4: an `iter_size` of 4 moves the statistics four times a step.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, solver_rule
from protolint.net.solver import Solver
from protolint.words import counted

from ._affine import collects_statistics
from ._solver import batch_size, first_place, label, training_nets

_ENOUGH, _TINY = 16, 4


@solver_rule("SV001", "iter-size-does-not-help-bn", Severity.WARNING, words=("iter_size",))
def check(solver: Solver) -> Iterator[Finding]:
    passes = solver.message.integer("iter_size")
    if passes < 2:
        return
    for net in training_nets(solver):
        batch = batch_size(net)
        if batch is None or not 0 < batch[0] < _ENOUGH:
            continue
        if any(collects_statistics(net, layer) for layer in net.batchnorms):
            size, place = batch
            yield Finding(
                first_place(solver.message, "iter_size"),
                f"iter_size {passes} adds up gradients, not BatchNorm statistics: they still see "
                f"{counted(size, 'image')}; raise batch_size",
                related=(label(solver, net, place, "the batch"),),
                severity=None if size <= _TINY else Severity.INFO,
            )
            return


VALID = (
    Example(
        "bvlc",
        """\
net: "net.prototxt"
base_lr: 0.1
iter_size: 8
""",
        others={
            "net.prototxt": """\
layer { name: "d" type: "Data" top: "x" data_param { batch_size: 0 }  }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
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
iter_size: 8
""",
        (3,),
        others={
            "net.prototxt": """\
layer { name: "d" type: "Data" top: "x" data_param { batch_size: 4 }  }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
"""
        },
    ),
)
