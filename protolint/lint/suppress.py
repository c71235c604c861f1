"""Leaving out what comments suppress, and knowing which of them suppress nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.rule import RULES
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.workspace.directives import Code, Directives, Suppression

__all__ = ["Outcome", "is_broken_syntax", "suppress"]


class Outcome(NamedTuple):
    """What is left of the findings of each target, and the codes that suppressed nothing."""

    kept: list[list[Diagnostic]]
    suppressed: int
    unused: list[tuple[Suppression, Code]]


def suppress(
    source: Source,
    directives: Directives,
    found: Iterable[list[Diagnostic]],
    ran: Collection[str],
) -> Outcome:
    """Apply a file's suppressions to the findings of each of its targets.

    `ran` are the codes that were looked for; the suppression of another is not called unused.
    A file that no Caffe reads stays one: syntax errors are never suppressed.
    """
    if not directives.suppressions:
        return Outcome(list(found), 0, [])
    used: set[tuple[int, int]] = set()
    kept: list[list[Diagnostic]] = []
    suppressed = 0
    for diagnostics in found:
        rest = []
        for diagnostic in diagnostics:
            hits = [] if is_broken_syntax(diagnostic) else _hits(source, directives, diagnostic)
            used.update(hits)
            suppressed += bool(hits)
            if not hits:
                rest.append(diagnostic)
        kept.append(rest)
    unused = [
        (suppression, code)
        for i, suppression in enumerate(directives.suppressions)
        for j, code in enumerate(suppression.codes)
        if (i, j) not in used and _code(code.text) in ran
    ]
    return Outcome(kept, suppressed, unused)


def is_broken_syntax(found: Diagnostic) -> bool:
    """Whether a finding is that the file cannot be read, after which no other rule runs."""
    return found.code == "PT001" and found.severity is Severity.ERROR


def _hits(source: Source, directives: Directives, found: Diagnostic) -> list[tuple[int, int]]:
    line = source.line_number(found.span.start)
    return [
        (i, j)
        for i, suppression in enumerate(directives.suppressions)
        if suppression.first_line <= line <= suppression.last_line
        for j, code in enumerate(suppression.codes)
        if _code(code.text) == found.code
    ]


def _code(text: str) -> str | None:
    """Return the code that a suppression means by a code or a rule's name, in any case."""
    if text.upper() in RULES:
        return text.upper()
    return next((rule.code for rule in RULES.values() if rule.name == text.lower()), None)
