"""A field of another Caffe that the target does not have.

What it does
    Reports a field that another dialect or a known fork has in that message but the target
    has not: `engine`, `scale_filler` and `scale_bias` of NVIDIA's BatchNorm for BVLC,
    `scale_param` and `input_param` for NVIDIA 0.14, `bn_param` of SegNet for all. Only the
    first such field of a layer is reported, and none that comes with a layer type which PT005
    reports. A table of public forks says whose a field is that no target has.

Why it matters
    The text parser refuses the whole file. It is the first thing users meet when they take a
    net from one Caffe to another.

Which Caffe
    All. The message names those that know the field.

Fix
    Unsafe: writes the name that the field has today (`local_lr_auto` is `larc` since NVIDIA
    0.16.5). Otherwise none: taking the field out would change what the net computes.
    `protolint convert` is for that.

Evidence
    BVLC/caffe#6024, Tencent/ncnn#177, opencv/opencv#10718, dusty-nv/jetson-inference#28.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.text.write import replace
from protolint.workspace.reading import LintFile

from ._owners import owners_of
from .pt005_unknown_layer_type import goes_with_its_type


@file_rule("PT003", "foreign-dialect-field", Severity.ERROR, reader=True, problems=True)
def check(file: LintFile) -> Iterator[Finding]:
    reported: set[int] = set()
    goes = goes_with_its_type(file)
    for problem in file.problems:
        node, message = problem.node, problem.message
        block = file.layer_block_at(node.start)
        if goes(problem) or (block is not None and block.start in reported):
            continue
        owners = owners_of(file, problem)
        if not owners:
            continue
        if block is not None:
            reported.add(block.start)
        what = f"'{node.name}' is not known to {file.dialect.name}"
        fix = None
        if owners.new_name is None:
            what = f"{what}: {owners.title}; {owners.advice(file.dialect)}"
        else:
            has = owners.new_name in message.fields
            advice = "write that" if has else "take it out, or check with --target nvidia"
            what = f"{what}: later NVIDIA Caffe calls it '{owners.new_name}'; {advice}"
            if has:
                edit = replace(node.name_span, owners.new_name)
                fix = Fix(f"Rename to '{owners.new_name}'", (edit,), Applicability.UNSAFE)
        yield Finding(
            node.name_span,
            what,
            layer=file.layer_at(node.start),
            fix=fix,
            alike=f"{message.name}.{node.name}",
        )


_FILLER = """\
layer {
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "bn1"
  batch_norm_param {
    scale_filler { value: 1 }
    engine: CAFFE
  }
}
"""
VALID = (Example("bvlc", 'layer { name: "s" type: "Scale" scale_param { bias_term: true } }\n'),)
INVALID = (
    Invalid("bvlc", _FILLER, (7,)),
    Invalid(
        "nvidia-0.17", "base_lr: 1\nlocal_lr_auto: true\n", (2,), fixed="base_lr: 1\nlarc: true\n"
    ),
)
