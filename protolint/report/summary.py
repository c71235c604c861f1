"""The closing lines that the formats for people share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import Applicability, Fix
from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.words import counted, joined, listed

__all__ = ["fix_word", "fixable", "found_in", "summary", "verdict"]

#: More states than these are not named one by one.
_MOST_STATES = 8


def fix_word(fix: Fix) -> str:
    """Return what a fix is announced as; one that is only shown is help."""
    if fix.applicability is Applicability.SAFE:
        return "fix"
    return "fix (unsafe)" if fix.applicability is Applicability.UNSAFE else "help"


def fixable(diagnostic: Diagnostic) -> bool:
    """Whether `--fix` repairs a finding."""
    return diagnostic.fix is not None and diagnostic.fix.applicability is Applicability.SAFE


def summary(reports: Sequence[FileReport]) -> str:
    """Return what was found in how many files, in one line."""
    return f"{found_in(reports)}{_built(reports)}{_left_out(reports)}"


def _left_out(reports: Sequence[FileReport]) -> str:
    """Return how many stages were not looked at, if any were not."""
    number = sum({report.path: report.left_out for report in reports}.values())
    if not number:
        return ""
    was = "was" if number == 1 else "were"
    return (
        f" {counted(number, 'stage')} {was} not looked at, as each makes a net of its own: "
        "`protolint show --state` does."
    )


def _built(reports: Sequence[FileReport]) -> str:
    """Return in which states the one net that was checked is built, as far as that is known.

    That a net is not built in a state it has no data for is not worth a word.
    """
    if len({report.path for report in reports}) != 1:
        return ""
    targets: dict[str, list[str]] = {}
    for report in reports:
        if words := verdict(report):
            targets.setdefault(words, []).append(report.target.dialect.name)
    parts = [f"{words} for {joined(names)}" for words, names in targets.items()]
    return f" It {'; it '.join(parts)}." if parts else ""


def verdict(report: FileReport) -> str:
    """Return in which states a net or solver is built, as the end of a sentence; "" if open."""
    wrong = any(d.severity is Severity.ERROR for d in report.diagnostics)
    states = {
        word: [state for state, builds in (report.builds or {}).items() if builds is value]
        for word, value in (("builds", True), ("does not build", False))
        if value or wrong
    }
    return ", ".join(f"{word} in {_names(found)}" for word, found in states.items() if found)


def _names(states: list[str]) -> str:
    return joined(states) if len(states) <= _MOST_STATES else listed(states, _MOST_STATES)


def found_in(reports: Sequence[FileReport]) -> str:
    """Return how much was found, and what to do with it."""
    files = counted(len({report.path for report in reports}), "file")
    diagnostics = [diagnostic for report in merged(reports) for diagnostic in report.diagnostics]
    suppressed = sum({report.path: report.suppressed for report in reports}.values())
    left = [f"{suppressed} suppressed"] if suppressed else []
    if not diagnostics:
        line = f"No findings in {files}"
        if len(reports) == 1:
            target = reports[0].target
            line += f", checked for {target.dialect.name} ({target.reason})"
        return ". ".join([line, *left]) + "."
    severities = Counter(diagnostic.severity for diagnostic in diagnostics)
    nouns = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}
    found = [counted(severities[s], noun) for s, noun in nouns.items() if severities[s]]
    line = f"Found {', '.join(found)} in {files}."
    safe = sum(map(fixable, diagnostics))
    unsafe = sum(
        d.fix is not None and d.fix.applicability is Applicability.UNSAFE for d in diagnostics
    )
    notes = [f"{safe} fixable with --fix"] if safe else []
    more = " more" if safe else " fixable"
    notes += [f"{unsafe}{more} with --fix --unsafe-fixes"] if unsafe else []
    notes += left
    return f"{line} {', '.join(notes)}." if notes else line
