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
from protolint.lint.rule import Example, Finding, Invalid, file_rule
from protolint.workspace.reading import LintFile


@file_rule("PL002", "unused-suppression", Severity.WARNING)
def check(_: LintFile) -> Iterator[Finding]:
    # What is unused is known only when every rule has run for every target: the runner
    # reports it (protolint/lint/unused.py).
    yield from ()


_SPLIT = 'input: "x" input_dim: [1, 3, 8, 8]\n%slayer { name: "r" type: "Rule" bottom: "x"%s }\n'
VALID = (
    Example("bvlc", _SPLIT % ("", " } # protolint: ignore[PT005] ours\n#")),
    Example("bvlc", _SPLIT % ("# protolint: ignore[PT005] ours\n", "")),
    Example("bvlc", _SPLIT % ("# protolint: disable[unknown-layer-type]\n", "")),
    Example("bvlc", "# protolint: ignore-file[BN001] for NVIDIA\n" + _SPLIT % ("", "")),
)
INVALID = (
    Invalid(
        "bvlc",
        _SPLIT % ("# protolint: ignore[PT005, NT001] ours\n", ""),
        (2,),
        fixed=_SPLIT % ("# protolint: ignore[PT005] ours\n", ""),
    ),
    Invalid(
        "bvlc",
        'input: "x" # a # protolint: ignore[NT001]\n# protolint: ignore[NT001] gone\n',
        (1, 2),
        fixed='input: "x" # a\n',
    ),
)
