"""A net or a solver in a form that Caffe upgrades and most other programs do not read.

What it does
    Reports V0 and V1 layers (`layers { ... }`) and the `solver_type` of a solver.

Why it matters
    Caffe upgrades such a file each time it reads it. Others do not: MNN 3.6.1 makes of V1 layers
    a model that returns its input, and says "Converted Success!"; ncnn's caffe2ncnn writes an
    empty net; RKNN-Toolkit refuses "v0 layer or v1 layer". A V0 net also loses on the way what its
    layer type does not have, with a line in the log ("continuing anyway").

Which Caffe
    All. NVIDIA 0.14 knows no other form of `solver_type`, and there it is not reported.
    Source: UpgradeNetAsNeeded and UpgradeSolverAsNeeded of upgrade_proto.cpp @ BVLC master.

Fix
    Safe: writes the current form, with every comment; `protolint upgrade` does the same for
    whole trees and for weights. Unsafe where Caffe's upgrade drops something.

Evidence
    airockchip/rknn-toolkit#431, Tencent/ncnn#29, #440, BVLC/caffe#2345, #3381, #4165.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.errors import InputError
from protolint.lint.rule import Finding, Invalid, file_rule
from protolint.text.tree import Block
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile


@file_rule("PT009", "old-generation", Severity.INFO, fields=("layers", "solver_type"))
def check(file: LintFile) -> Iterator[Finding]:
    solver = file.kind is FileKind.SOLVER
    if not file.kind.is_text or (solver and file.dialect.names_solvers_by_enum):
        return
    if not solver and "layer" in file.message:
        return  # PT006
    node = file.message.node_of("solver_type" if solver else "layers")
    if node is None or (solver and "type" in file.message):
        return  # SV009 is about both
    if solver:
        what = "solver_type is the old form of `type`"
    else:
        v0 = any("layer" in layer for layer in file.message.messages("layers"))
        what = (
            f"the net has {'V0' if v0 else 'V1'} layers: Caffe upgrades them as it reads the"
            " file, MNN and ncnn read no layer at all"
        )
    yield Finding(
        node.head_span if isinstance(node, Block) else node.name_span,
        f"{what}; run `protolint upgrade`",
        fix=_fix(file, solver=solver),
    )


def _fix(file: LintFile, *, solver: bool) -> Fix | None:
    from protolint.upgrading.text import upgrade_text

    try:
        found = upgrade_text(file.tree, file.message, file.misfits, file.dialect, is_solver=solver)
    except InputError:
        return None
    safe = Applicability.UNSAFE if found.losses else Applicability.SAFE
    return Fix("Write the current form", found.edits, safe)


INVALID = (
    Invalid(
        "bvlc",
        """\
input: "x"
input_shape { dim: 1 }
layers {
  name: "r"
  type: RELU  # old
  bottom: "x"
  top: "x"
}
""",
        (3,),
        fixed="""\
layer {
  name: "input"
  type: "Input"
  top: "x"
  input_param {
    shape {
      dim: 1
    }
  }
}
layer {
  name: "r"
  type: "ReLU"  # old
  bottom: "x"
  top: "x"
}
""",
    ),
)
