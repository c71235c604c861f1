"""Writing suppressions for what is found, to start with a tree that has many findings."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.diagnostic import Diagnostic
from protolint.edit import Edit
from protolint.lint.suppress import is_broken_syntax
from protolint.source import Source
from protolint.workspace.directives import ignoring

__all__ = ["suppression_edits"]


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
