"""One line for each finding, as compilers write them."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.style import Style
from protolint.report.summary import fixable, summary
from protolint.shown import shown

__all__ = ["render"]


def render(reports: Sequence[FileReport], colour: bool, _errors: Sequence[str] = ()) -> str:
    """`path:line:column: severity CODE message [target]`, and a closing line.

    "[*]" before the message: `--fix` repairs it.

    A weight file has no lines: the message says where in it.
    """
    style = Style(colour)
    lines = []
    for report in merged(reports):
        for diagnostic in report.diagnostics:
            severity = style.severity(diagnostic.severity, diagnostic.severity.value)
            where = style.bold(shown(report.source.place(diagnostic.span)))
            code = style.bold(style.code(diagnostic.code))
            mark = "[*] " if fixable(diagnostic) else ""
            message = f"{mark}{shown(diagnostic.message)}"
            lines.append(f"{where}: {severity} {code} {message} [{diagnostic.target}]")
    lines.append(summary(reports))
    return "\n".join(lines) + "\n"
