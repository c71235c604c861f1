"""How often each rule was found, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.style import Style
from protolint.report.summary import summary
from protolint.words import counted

__all__ = ["render"]


def render(reports: Sequence[FileReport], colour: bool) -> str:
    """Count, code, name and the number of files, a line for each rule."""
    style = Style(colour)
    found: Counter[tuple[str, str]] = Counter()
    files: dict[tuple[str, str], set[str]] = {}
    for report in merged(reports):
        for diagnostic in report.diagnostics:
            key = (diagnostic.code, diagnostic.name)
            found[key] += 1
            files.setdefault(key, set()).add(report.path)
    lines = [
        f"{count:>6}  {style.bold(code)}  {name:<28} in {counted(len(files[code, name]), 'file')}"
        for (code, name), count in found.most_common()
    ]
    return "\n".join([*lines, summary(reports)]) + "\n"
