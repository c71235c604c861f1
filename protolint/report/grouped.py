"""The findings of each file and target under a heading, in columns."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.style import Style
from protolint.report.summary import fixable, summary
from protolint.shown import shown
from protolint.source import BinarySource

__all__ = ["render"]


def render(reports: Sequence[FileReport], colour: bool, _errors: Sequence[str] = ()) -> str:
    """Return a block for each file in which something was found, and a closing line."""
    style = Style(colour)
    blocks = [_block(report, style) for report in merged(reports) if report.diagnostics]
    return "\n".join([*blocks, summary(reports)]) + "\n"


def _block(report: FileReport, style: Style) -> str:
    found = report.diagnostics
    positions = [report.source.position(diagnostic.span.start) for diagnostic in found]
    weights = isinstance(report.source, BinarySource)
    places = ["" if weights else f"{line}:{column}" for line, column in positions]
    rows = [(p, d.severity.value, d.code) for p, d in zip(places, found, strict=True)]
    widest = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{style.bold(shown(report.path))} [{report.target.dialect.name}]"]
    for row, diagnostic in zip(rows, found, strict=True):
        place, severity, code = row
        cells = (
            style.dim(place),
            style.severity(diagnostic.severity, severity),
            style.bold(style.code(code)),
        )
        # Padded by what is seen: what makes colours and links takes no room.
        padded = [
            cell + " " * (most - len(text))
            for cell, text, most in zip(cells, row, widest, strict=True)
        ]
        shown_cells = padded[1:] if weights else padded
        mark = "[*] " if fixable(diagnostic) else ""
        others = diagnostic.target != report.target.dialect.name and diagnostic.target is not None
        last = f" [{diagnostic.target}]" if others else ""
        lines.append("  ".join(["", *shown_cells, f"{mark}{shown(diagnostic.message)}{last}"]))
    return "\n".join(lines) + "\n"
