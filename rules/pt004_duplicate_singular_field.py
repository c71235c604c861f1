"""A field that may be given once, given twice.

What it does
    Reports the second and every further occurrence of a field that is not repeated: a `name`
    twice after a lost brace, two `batch_norm_param` blocks, two `lr_mult` in one `param`. With
    a schema of your own (`--proto`) also two members of one `oneof`.

Why it matters
    The text parser of every Caffe refuses the file, even where both say the same.

Which Caffe
    All. `kernel_size`, `pad` and `stride` may be repeated in `convolution_param` (one for
    each axis) but not in `pooling_param`.

Evidence
    ShaoqingRen/faster_rcnn#105, eric612/MobileNet-YOLO#34.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.workspace.reading import LintFile

from ._owners import owners_of_more


@file_rule("PT004", "duplicate-singular-field", Severity.ERROR, reader=True, problems=True)
def check(file: LintFile) -> Iterator[Finding]:
    for problem in file.problems:
        if problem.first is None:
            continue
        node = problem.node
        owners = owners_of_more(problem)
        cure = f"{owners.title}; {owners.advice(file.dialect)}" if owners else "keep one"
        line = file.source.line_number(problem.first.start)
        yield Finding(
            node.name_span,
            f"'{node.name}' is given twice in one {problem.message.name} (first at line {line}); "
            f"{cure}"
            if node.name == problem.first.name
            else f"'{node.name}' and '{problem.first.name}' exclude each other in one "
            f"{problem.message.name}; keep one",
            layer=file.layer_at(node.start),
            related=(Label(problem.first.name_span, "first given here"),),
            alike=problem.place if owners else "",
        )


VALID = (
    Example(
        "bvlc",
        'layer { type: "Convolution" convolution_param { kernel_size: 3 kernel_size: 5 } }\n',
    ),
)
_TWICE = "resize_param { } resize_param { }"
INVALID = (Invalid("ssd", f"layer {{ transform_param {{ {_TWICE} }} }}\n", (1,)),)
