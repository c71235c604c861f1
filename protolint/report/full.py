"""Each finding with a picture of its source, the place underlined.

Of weights nothing is drawn: the layer and the bytes it lies in are named.
"""

from __future__ import annotations

from collections.abc import Sequence

from protolint.diagnostic import Diagnostic
from protolint.lint.file_report import FileReport
from protolint.record import NamedTuple
from protolint.report.merged import merged
from protolint.report.place import place
from protolint.report.style import Style, width
from protolint.report.summary import fix_word, summary
from protolint.shown import shown
from protolint.source import BinarySource, Source, Span

__all__ = ["render"]

_WIDEST = 120
#: Bytes of a line that are more than is ever shown.
_MOST_BYTES = 8 * _WIDEST


class _Mark(NamedTuple):
    """A line to show, what to underline in it and what to say about that."""

    source: Source
    line: int
    span: Span
    text: str
    main: bool


def render(reports: Sequence[FileReport], colour: bool, _errors: Sequence[str] = ()) -> str:
    """Every finding with its source, and a closing line."""
    style = Style(colour)
    blocks = [
        _finding(report, diagnostic, style)
        for report in merged(reports)
        for diagnostic in report.diagnostics
    ]
    return "\n".join([*blocks, summary(reports)]) + "\n"


def _finding(report: FileReport, diagnostic: Diagnostic, style: Style) -> str:
    source = report.source
    marks = [_Mark(source, source.line_number(diagnostic.span.start), diagnostic.span, "", True)]
    for label in diagnostic.related:
        other = label.source or source
        line = other.line_number(label.span.start)
        marks.append(_Mark(other, line, label.span, label.text, False))
    # The finding's own file first, each file from top to bottom.
    marks.sort(key=lambda m: (m.source is not source, m.source.path, m.line, m.span.start))
    drawn = [mark for mark in marks if not isinstance(mark.source, BinarySource)]
    gutter = max((len(str(mark.line)) for mark in drawn), default=1)
    code = style.code(diagnostic.code)
    kind = style.severity(diagnostic.severity, f"{diagnostic.severity.value}[{code}]")
    lines = [f"{kind}: {style.bold(shown(diagnostic.message))}"]
    lines += _picture(marks, diagnostic, gutter, style)
    notes = [f"{diagnostic.name}, for {diagnostic.target} ({report.target.reason})"]
    if diagnostic.fix is not None:
        notes.append(f"{fix_word(diagnostic.fix)}: {diagnostic.fix.title}")
    lines += [f"{' ' * gutter} {style.dim('=')} {shown(note)}" for note in notes]
    return "\n".join(lines) + "\n"


def _picture(marks: list[_Mark], diagnostic: Diagnostic, gutter: int, style: Style) -> list[str]:
    """Return the marked lines with their underlines, under the name of the file they are in."""
    edge = style.dim(" " * gutter + " |")
    lines = []
    shown_source: Source | None = None
    before = 0
    for mark in marks:
        if mark.source is not shown_source:
            arrow = "-->" if shown_source is None else "==>"
            at = diagnostic.span if shown_source is None else mark.span
            where = shown(_where(mark.source, at, diagnostic.layer))
            lines.append(f"{' ' * gutter}{style.dim(arrow)} {where}")
            shown_source, before = mark.source, 0
            if isinstance(mark.source, BinarySource):
                continue
            lines.append(edge)
        if before and mark.line > before + 1:
            lines.append(style.dim("." * max(3, gutter)))
        if mark.line != before:
            number = style.dim(f"{mark.line:>{gutter}} |")
            lines.append(f"{number} {_shown_line(mark.source, mark.line)}".rstrip())
        before = mark.line
        lead, length = _extent(mark)
        words = f" {shown(mark.text)}" if mark.text else ""
        underline = ("^" if mark.main else "-") * length + words
        coloured = style.severity(diagnostic.severity, underline) if mark.main else underline
        lines.append(f"{edge} {' ' * lead}{coloured}")
    return [*lines, edge] if before else lines


def _where(source: Source, span: Span, layer: str | None) -> str:
    """Return the place as a line of its own."""
    if not isinstance(source, BinarySource):
        return place(source, span)
    parts = [source.path] if layer is None else [source.path, f"layer '{layer}'"]
    if span.end > span.start:
        parts.append(f"bytes {span.start} to {span.end}")
    return ", ".join(parts)


def _extent(mark: _Mark) -> tuple[int, int]:
    """Return the columns before the underline and its length, on the mark's first line."""
    source = mark.source
    start = source.line_starts[mark.line - 1]
    if mark.span.start - start > _MOST_BYTES:
        return _WIDEST, 1
    head = source.decode(start, mark.span.start)
    end = min(mark.span.end, mark.span.start + _MOST_BYTES)
    body = source.decode(mark.span.start, end).split("\n")[0].rstrip("\r")
    lead = width(shown(head))
    length = width(shown(head + body)) - lead
    lead = min(lead, _WIDEST)
    return lead, max(1, min(length, width(_shown_line(source, mark.line)) - lead))


def _shown_line(source: Source, number: int) -> str:
    """Return a line as it is shown; of one longer than any screen only its start is examined."""
    start = source.line_starts[number - 1]
    end = source.data.find(b"\n", start, start + _MOST_BYTES)
    if end < 0 and len(source.data) - start > _MOST_BYTES:
        return shown(source.decode(start, start + _MOST_BYTES))[: _WIDEST - 3] + "..."
    return _clipped(shown(source.line(number)))


def _clipped(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
