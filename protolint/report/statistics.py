"""How often each rule was found, the most frequent first."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.diagnostic import Diagnostic
from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.style import Style
from protolint.report.summary import fixable, summary
from protolint.shown import json_text
from protolint.words import counted

__all__ = ["render", "render_json"]


def render(reports: Sequence[FileReport], colour: bool) -> str:
    """Count, code, name and files, a line for each rule; `[*]` marks what `--fix` repairs."""
    style = Style(colour)
    lines = []
    for found in _by_rule(reports):
        (_, first), *_ = found
        fix = "[*]" if any(fixable(diagnostic) for _, diagnostic in found) else "   "
        where = counted(len({path for path, _ in found}), "file")
        code = style.bold(first.code)
        lines.append(f"{len(found):>6}  {code}  {fix} {first.name:<28} in {where}")
    return "\n".join([*lines, summary(reports)]) + "\n"


def render_json(reports: Sequence[FileReport]) -> str:
    """Return a list with an object for each rule, with the keys that ruff has, and the files."""
    rules = []
    for found in _by_rule(reports):
        (_, first), *_ = found
        repaired = sum(fixable(diagnostic) for _, diagnostic in found)
        rules.append(
            {
                "code": first.code,
                "name": first.name,
                "count": len(found),
                "fixable": repaired > 0,
                "fixable_count": repaired,
                "files": len({path for path, _ in found}),
            }
        )
    return json_text(rules) + "\n"


def _by_rule(reports: Sequence[FileReport]) -> list[list[tuple[str, Diagnostic]]]:
    """Return the findings of each rule, with their files."""
    found: dict[str, list[tuple[str, Diagnostic]]] = {}
    for report in merged(reports):
        for diagnostic in report.diagnostics:
            found.setdefault(diagnostic.code, []).append((report.path, diagnostic))
    return sorted(found.values(), key=len, reverse=True)
