"""Workflow commands, which GitHub shows as annotations on the lines of a change."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.paths import reported_path
from protolint.report.summary import summary
from protolint.shown import shown

__all__ = ["render"]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(
    reports: Sequence[FileReport],
    colour: bool = False,  # noqa: ARG001
    _errors: Sequence[str] = (),
) -> str:
    """Return a command for each finding, and a closing line for those who read the log.

    The message repeats the place, which the log would not show. A weight file, which has no
    lines, is annotated at its first.
    """
    lines = []
    for report in merged(reports):
        path = reported_path(report.path)
        lines += [_command(report, path, diagnostic) for diagnostic in report.diagnostics]
    return "\n".join([*lines, summary(reports)]) + "\n"


def _command(report: FileReport, path: str, diagnostic: Diagnostic) -> str:
    line, column = report.source.position(diagnostic.span.start)
    end_line, end_column = report.source.position(diagnostic.span.end)
    properties = {
        "file": path,
        "line": line,
        "endLine": end_line,
        # Columns are for places within one line only.
        **({"col": column, "endColumn": end_column} if line == end_line else {}),
        "title": f"{diagnostic.code} {diagnostic.name}",
    }
    values = ",".join(
        f"{name}={_property(shown(str(value)))}" for name, value in properties.items()
    )
    where = report.source.place(diagnostic.span, path)
    message = shown(f"{where}: {diagnostic.code} {diagnostic.message} [{diagnostic.target}]")
    return f"::{_COMMANDS[diagnostic.severity]} {values}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
