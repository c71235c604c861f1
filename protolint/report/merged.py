"""One finding for several targets: what is true for each of them is shown once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from protolint.diagnostic import Diagnostic
from protolint.lint.file_report import FileReport
from protolint.words import joined

__all__ = ["merged"]


def merged(reports: Sequence[FileReport]) -> Sequence[FileReport]:
    """Return the reports with findings that differ in nothing but their target as one.

    It stays in the first report that has it; its target names all of them, as in "bvlc and
    nvidia-0.17". Formats for programs keep one finding for each target.
    """
    if len({report.path for report in reports}) == len(reports):
        return reports
    targets: dict[tuple[Diagnostic, int], list[str]] = {}
    for report in reports:
        for key, diagnostic in _keyed(report):
            targets.setdefault(key, []).append(diagnostic.target or "")
    found = []
    for report in reports:
        kept = []
        for key, diagnostic in _keyed(report):
            names = targets.pop(key, None)
            if names is not None:
                kept.append(diagnostic._replace(target=joined(names) or None))
        found.append(report._replace(diagnostics=tuple(kept)))
    return found


def _keyed(report: FileReport) -> Iterator[tuple[tuple[Diagnostic, int], Diagnostic]]:
    """Yield each finding with what its twins share; two that one target has stay two."""
    seen: Counter[Diagnostic] = Counter()
    for diagnostic in report.diagnostics:
        alike = diagnostic._replace(target=None)
        seen[alike] += 1
        yield (alike, seen[alike]), diagnostic
