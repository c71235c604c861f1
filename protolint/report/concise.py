"""One line for each finding, as compilers write them."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.lint.file_report import FileReport
from protolint.report.place import place
from protolint.report.style import Style
from protolint.report.summary import summary
from protolint.shown import shown

__all__ = ["render"]


def render(reports: Sequence[FileReport], colour: bool) -> str:
    """`path:line:column: severity CODE message [target]`, and a closing line.

    A weight file has no lines: the message says where in it.
    """
    style = Style(colour)
    lines = []
    for report in reports:
        for diagnostic in report.diagnostics:
            severity = style.severity(diagnostic.severity, diagnostic.severity.value)
            where = style.bold(shown(place(report.source, diagnostic.span)))
            code = style.bold(style.code(diagnostic.code))
            lines.append(
                f"{where}: {severity} {code} {shown(diagnostic.message)} [{diagnostic.target}]"
            )
    lines.append(summary(reports))
    return "\n".join(lines) + "\n"
