"""How often each rule was found, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.style import Style
from protolint.report.summary import fixable, summary
from protolint.words import counted

__all__ = ["render"]


def render(reports: Sequence[FileReport], colour: bool) -> str:
    """Count, code, name and files, a line for each rule; `[*]` marks what `--fix` repairs."""
    style = Style(colour)
    found: Counter[tuple[str, str]] = Counter()
    files: dict[tuple[str, str], set[str]] = {}
    repaired: set[tuple[str, str]] = set()
    for report in merged(reports):
        for diagnostic in report.diagnostics:
            key = (diagnostic.code, diagnostic.name)
            found[key] += 1
            files.setdefault(key, set()).add(report.path)
            repaired.update([key] if fixable(diagnostic) else [])
    lines = []
    for key, count in found.most_common():
        code, name = key
        fix = "[*]" if key in repaired else "   "
        where = counted(len(files[key]), "file")
        lines.append(f"{count:>6}  {style.bold(code)}  {fix} {name:<28} in {where}")
    return "\n".join([*lines, summary(reports)]) + "\n"
