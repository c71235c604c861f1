"""The closing lines that the formats for people share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.lint.file_report import FileReport
from protolint.words import counted

__all__ = ["fix_word", "summary"]


def fix_word(fix: Fix) -> str:
    """Return what a fix is announced as; one that is only shown is help."""
    words = {Applicability.SAFE: "fix", Applicability.UNSAFE: "fix (unsafe)"}
    return words.get(fix.applicability, "help")


def summary(reports: Sequence[FileReport]) -> str:
    """Return what was found in how many files, in one line."""
    files = counted(len({report.path for report in reports}), "file")
    diagnostics = [diagnostic for report in reports for diagnostic in report.diagnostics]
    if not diagnostics:
        if len(reports) == 1:
            target = reports[0].target
            return f"No findings in {files}, checked for {target.dialect.name} ({target.reason})."
        return f"No findings in {files}."
    severities = Counter(diagnostic.severity for diagnostic in diagnostics)
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
    found = [counted(severities[s], noun) for s, noun in nouns.items() if severities[s]]
    line = f"Found {', '.join(found)} in {files}."
    safe = sum(d.fix is not None and d.fix.applicability is Applicability.SAFE for d in diagnostics)
    suppressed = sum({report.path: report.suppressed for report in reports}.values())
    notes = [f"{safe} fixable with --fix"] if safe else []
    notes += [f"{suppressed} suppressed"] if suppressed else []
    return f"{line} {', '.join(notes)}." if notes else line
