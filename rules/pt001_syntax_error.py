"""Text that is not protobuf text format.

What it does
    Reports every place where the text cannot be read: an unbalanced brace, a missing colon
    before a value, a stray token, a string that is not closed, bytes outside strings that
    are not ASCII. Reading goes on after an error, so one run shows every fault that can be
    separated. Rules about the net wait until the syntax is right.

Why it matters
    Caffe stops at the first one with a line and a column and no hint, and the place is often
    one token past the mistake.

Which Caffe
    All. The grammar is that of the C++ parser of protobuf which every Caffe uses: `<` and `>`
    for braces, a colon before a brace, single quotes, adjacent strings, `,` or `;` after a
    field, lists, `1e-3f` and `#` comments are right.

Also reported
    As a warning, for the parser reads over it: a byte in a comment or string that is not
    UTF-8 (Python's protobuf refuses the file), and a file without any field.

Evidence
    BVLC/caffe#2779.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.source import Span
from protolint.workspace.reading import LintFile


@file_rule("PT001", "syntax-error", Severity.ERROR, reader=True, problems=True)
def check(file: LintFile) -> Iterator[Finding]:
    for problem in file.tree.problems:
        layer = file.layer_at(problem.span.start)
        inside = f" (in layer {layer})" if layer else ""
        related: tuple[Label, ...] = ()
        if problem.opened is not None:
            related = (Label(problem.opened, "this brace is never closed"),)
        yield Finding(
            problem.span,
            f"{'syntax error: ' if problem.fatal else ''}{problem.message}{inside}",
            layer=layer,
            related=related,
            severity=None if problem.fatal else Severity.WARNING,
        )
    if not file.tree.children:
        message = "the file has no field; Caffe reads it as a net without layers"
        yield Finding(Span(0, 0), message, severity=Severity.WARNING)


VALID = (
    Example("bvlc", 'layer { name: "p" type: "Power" power_param { scale: 1e-3f power: .5 } }\n'),
)
INVALID = (Invalid("bvlc", 'layer {\n  name "conv1"\n  type: "Convolution"\n}\n', (2,)),)
