"""Leaving out what comments suppress, which of them suppress nothing (PL002), and writing them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from itertools import accumulate
from math import inf

from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import Edit
from protolint.lint.rule import RULES
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.workspace.directives import Code, Directives, Suppression, ignoring

__all__ = ["Outcome", "is_broken_syntax", "suppress", "suppression_edits"]


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
    lines = _Lines(directives)
    used: set[tuple[int, int]] = set()
    kept: list[list[Diagnostic]] = []
    suppressed = 0
    for diagnostics in found:
        rest = []
        for diagnostic in diagnostics:
            line = source.line_number(diagnostic.span.start)
            hits = [] if is_broken_syntax(diagnostic) else lines.hits(diagnostic.code, line)
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


class _Lines:
    """The suppressions of a file by code and line; there may be one on each of many lines."""

    def __init__(self, directives: Directives) -> None:
        #: By code and first line: the last line, and the places of the suppression and its code.
        self._found: dict[str, list[tuple[int, int, int, int]]] = {}
        for i, suppression in enumerate(directives.suppressions):
            for j, code in enumerate(suppression.codes):
                entry = (suppression.first_line, suppression.last_line, i, j)
                self._found.setdefault(_code(code.text) or "", []).append(entry)
        #: How far those before each reach.
        self._reach: dict[str, list[int]] = {}
        for known, entries in self._found.items():
            entries.sort()
            self._reach[known] = list(accumulate((entry[1] for entry in entries), max))

    def hits(self, code: str, line: int) -> list[tuple[int, int]]:
        """Return the suppressions of a code that hold on a line, in their order."""
        entries, reach = self._found.get(code, []), self._reach.get(code, [])
        at = bisect_right(entries, (line, inf))
        hits = []
        while at and reach[at - 1] >= line:
            at -= 1
            _, last, i, j = entries[at]
            if last >= line:
                hits.append((i, j))
        return sorted(hits)


def _code(text: str) -> str | None:
    """Return the code that a suppression means by a code or a rule's name, in any case."""
    if text.upper() in RULES:
        return text.upper()
    return next((rule.code for rule in RULES.values() if rule.name == text.lower()), None)


def suppression_edits(source: Source, diagnostics: Iterable[Diagnostic], reason: str) -> list[Edit]:
    """Return the edits that suppress every finding with a comment behind its line.

    Codes are joined to a suppression that the line already has. Syntax errors are left: where
    the syntax is broken, nobody knows where a comment may stand.
    """
    diagnostics = list(diagnostics)
    if any(is_broken_syntax(diagnostic) for diagnostic in diagnostics):
        return []
    by_line: dict[int, set[str]] = {}
    for diagnostic in diagnostics:
        for span in (diagnostic.span, *(repeat.span for repeat in diagnostic.repeats)):
            by_line.setdefault(source.line_number(span.start), set()).add(diagnostic.code)
    return [
        ignoring(source, line, sorted(codes), reason) for line, codes in sorted(by_line.items())
    ]
