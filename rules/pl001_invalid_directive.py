"""A comment that speaks to protolint but cannot be followed.

What it does
    Reports a `# protolint:` comment with an unknown word, an unknown target, a suppression
    without codes or with a code that no rule has, and an `enable` that nothing above disables.

Why it matters
    A suppression that is misspelt suppresses nothing, or something else than was meant.
    Codes are mandatory: a blanket suppression hides the next fault too.

Which Caffe
    All; Caffe itself does not read comments.

Evidence
    The forms are `ignore[CODE]`, `ignore-file[CODE]`, `disable[CODE]`, `enable[CODE]` and
    `target=NAME`; free text after the bracket is the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import RULES, Example, Finding, Invalid, file_rule
from protolint.suggest import did_you_mean
from protolint.workspace.reading import LintFile


@file_rule("PL001", "invalid-directive", Severity.WARNING, reader=True, words=("protolint:",))
def check(file: LintFile) -> Iterator[Finding]:
    for misused in file.directives.misused:
        yield Finding(misused.span, misused.message)
    if not file.directives.suppressions:
        return
    known = {name for rule in RULES.values() for name in (rule.code, rule.name)}
    for suppression in file.directives.suppressions:
        for code in suppression.codes:
            unknown = code.text.upper() not in known and code.text.lower() not in known
            if unknown:
                hint = did_you_mean(code.text, sorted(known))
                yield Finding(code.span, f"there is no rule '{code.text}'{hint}")


VALID = (Example("bvlc", "# protolint: target=nvidia-0.15\n"),)
INVALID = (Invalid("bvlc", "# protolint: ignore\n", (1,)),)
