"""A suppression that suppresses nothing.

What it does
    Reports each code in a `# protolint: ignore[...]`, `ignore-file` or `disable` comment that
    was looked for and not found there, for any of the targets.

Why it matters
    It outlives the fault it was written for, and will hide the next one.

Which Caffe
    All. A code that was not looked for (not selected, or of a rule that the target does not
    have) is not called unused.

Fix
    Safe: takes the code out of the list, or the whole comment.

Evidence
    What users of other linters ask for: ruff's RUF100, ESLint's report of unused directives.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.lint.checked_file import CheckedFile
from protolint.lint.rule import Finding, Invalid, checked_file_rule
from protolint.source import Span
from protolint.workspace.directives import Suppression, without


@checked_file_rule("PL002", "unused-suppression", Severity.WARNING, words=("protolint:",))
def check(checked: CheckedFile) -> Iterator[Finding]:
    by_comment: dict[Span, tuple[Suppression, list[str]]] = {}
    for suppression, code in checked.unused:
        by_comment.setdefault(suppression.comment, (suppression, []))[1].append(code.text)
    for comment, (suppression, codes) in by_comment.items():
        yield Finding(
            comment,
            f"{', '.join(codes)} {'is' if len(codes) == 1 else 'are'} not found here; "
            "remove the suppression",
            fix=Fix(
                "Remove what suppresses nothing", (without(checked.source, suppression, codes),)
            ),
        )


INVALID = (
    Invalid(
        "bvlc",
        """\
input: "x" input_dim: [1, 3, 8, 8]
# protolint: ignore[PT005, NT001] ours
layer { name: "r" type: "Rule" bottom: "x" }
""",
        (2,),
        fixed="""\
input: "x" input_dim: [1, 3, 8, 8]
# protolint: ignore[PT005] ours
layer { name: "r" type: "Rule" bottom: "x" }
""",
    ),
)
