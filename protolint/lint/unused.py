"""Findings about suppressions that suppress nothing, with the fix that takes them out."""

from __future__ import annotations

from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import Edit, Fix
from protolint.source import Source, Span
from protolint.workspace.directives import Code, Suppression

__all__ = ["unused_suppressions"]


def unused_suppressions(source: Source, unused: list[tuple[Suppression, Code]]) -> list[Diagnostic]:
    """One finding for each comment with codes that suppress nothing (PL002)."""
    by_comment: dict[Span, list[tuple[Suppression, Code]]] = {}
    for suppression, code in unused:
        by_comment.setdefault(suppression.comment, []).append((suppression, code))
    return [_finding(source, found) for found in by_comment.values()]


def _finding(source: Source, found: list[tuple[Suppression, Code]]) -> Diagnostic:
    suppression = found[0][0]
    codes = [code.text for _, code in found]
    listed = source.decode(*suppression.listed)
    rest = [name for part in listed.split(",") if (name := part.strip()) and name not in codes]
    if rest:
        edit = Edit(suppression.listed.start, suppression.listed.end, ", ".join(rest))
    else:
        edit = _without_comment(source, suppression.comment)
    return Diagnostic(
        code="PL002",
        name="unused-suppression",
        severity=Severity.WARNING,
        message=f"{', '.join(codes)} {'is' if len(codes) == 1 else 'are'} not found here; "
        "remove the suppression",
        path=source.path,
        span=suppression.comment,
        fix=Fix("Remove what suppresses nothing", (edit,)),
    )


def _without_comment(source: Source, comment: Span) -> Edit:
    """The edit that takes a comment out, its whole line where nothing else is on it."""
    text = source.text
    start = comment.start
    while start > 0 and text[start - 1] in " \t":
        start -= 1
    if start == 0 or text[start - 1] == "\n":
        end = text.find("\n", comment.end)
        return Edit(start, len(text) if end < 0 else end + 1, "")
    return Edit(start, comment.end, "")
