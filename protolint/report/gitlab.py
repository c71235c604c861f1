"""GitLab's Code Quality report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.file_report import FileReport
from protolint.report.fingerprint import fingerprinted
from protolint.report.paths import reported_path
from protolint.shown import json_text

__all__ = ["render"]

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(
    reports: Sequence[FileReport],
    colour: bool = False,  # noqa: ARG001
    _errors: Sequence[str] = (),
) -> str:
    """Return a list with an object for each finding, in ASCII, whatever encoding stdout has."""
    issues = [_issue(*found) for found in fingerprinted(reports)]
    return json_text(issues, ascii=True) + "\n"


def _issue(report: FileReport, diagnostic: Diagnostic, fingerprint: str) -> dict[str, Any]:
    source = report.source
    what = f"{diagnostic.code} {diagnostic.name}: {diagnostic.message} [{diagnostic.target}]"
    return {
        "description": what,
        "check_name": diagnostic.code,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[diagnostic.severity],
        "location": {
            "path": reported_path(report.path),
            "lines": {
                "begin": source.line_number(diagnostic.span.start),
                "end": source.line_number(diagnostic.span.end),
            },
        },
    }
