"""Each finding with a picture of its source, the place underlined.

Of weights nothing is drawn: the layer and the bytes it lies in are named.
"""

from __future__ import annotations

from collections.abc import Sequence

from protolint.diagnostic import Diagnostic
from protolint.lint.file_report import FileReport
from protolint.record import NamedTuple
from protolint.report.merged import merged
from protolint.report.style import Style, width
from protolint.report.summary import fix_word, summary
from protolint.shown import shown
from protolint.source import BinarySource, Source, Span
from protolint.text.style import line_start

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
    last = source.line_number(diagnostic.span.start)
    marks = [_Mark(source, last, diagnostic.span, "", True)]
    if diagnostic.related:
        for label in diagnostic.related:
            other = label.source or source
            line = other.line_number(label.span.start)
            marks.append(_Mark(other, line, label.span, label.text, False))
        last = max(mark.line for mark in marks)
        # The finding's own file first, each file from top to bottom.
        marks.sort(key=lambda m: (m.source is not source, m.source.path, m.line, m.span.start))
    indent = " " * len(str(last))
    code = style.code(diagnostic.code)
    kind = style.severity(diagnostic.severity, f"{diagnostic.severity.value}[{code}]")
    picture = _picture(marks, diagnostic, indent, style)
    sign = f"{indent} {style.dim('=')}"
    notes = (
        f"{sign} {shown(f'{diagnostic.name}, for {diagnostic.target} ({report.target.reason})')}\n"
    )
    if diagnostic.fix is not None:
        notes += f"{sign} {shown(f'{fix_word(diagnostic.fix)}: {diagnostic.fix.title}')}\n"
    return f"{kind}: {style.bold(shown(diagnostic.message))}\n{picture}{notes}"


def _picture(marks: list[_Mark], diagnostic: Diagnostic, indent: str, style: Style) -> str:
    """Return the marked lines with their underlines, under the name of the file they are in."""
    edge = style.dim(f"{indent} |")
    lines = []
    shown_source: Source | None = None
    before = 0
    for mark in marks:
        if mark.source is not shown_source:
            arrow = "-->" if shown_source is None else "==>"
            at = diagnostic.span if shown_source is None else mark.span
            where = shown(_where(mark.source, at, diagnostic.layer))
            lines.append(f"{indent}{style.dim(arrow)} {where}")
            shown_source, before = mark.source, 0
            if isinstance(mark.source, BinarySource):
                continue
            lines.append(edge)
        if before and mark.line > before + 1:
            lines.append(style.dim("." * max(3, len(indent))))
        text, lead, length = _drawn(mark)
        if mark.line != before:
            number = style.dim(f"{mark.line:>{len(indent)}} |")
            lines.append(f"{number} {text}".rstrip())
        before = mark.line
        words = f" {shown(mark.text)}" if mark.text else ""
        underline = ("^" if mark.main else "-") * length + words
        coloured = style.severity(diagnostic.severity, underline) if mark.main else underline
        lines.append(f"{edge} {' ' * lead}{coloured}")
    if before:
        lines.append(edge)
    return "\n".join(lines) + "\n"


def _where(source: Source, span: Span, layer: str | None) -> str:
    """Return the place as a line of its own."""
    if not isinstance(source, BinarySource):
        return source.place(span)
    parts = [source.path] if layer is None else [source.path, f"layer '{layer}'"]
    if span.end > span.start:
        parts.append(f"bytes {span.start} to {span.end}")
    return ", ".join(parts)


def _drawn(mark: _Mark) -> tuple[str, int, int]:
    """Return a mark's first line as it is shown, the columns before its underline, its length.

    Of a line longer than any screen only the start is examined.
    """
    source, span = mark.source, mark.span
    start = line_start(source, span.start)
    end = source.data.find(b"\n", start, start + _MOST_BYTES)
    long = end < 0 and len(source.data) - start > _MOST_BYTES
    line = source.decode(start, start + _MOST_BYTES if end < 0 else end).rstrip("\r\n")
    text = shown(line)
    lead, size = span.start - start, len(text)
    if text == line and text.isascii() and lead <= size <= _WIDEST:
        # Every byte is one column, as it mostly is.
        return text, lead, max(1, min(span.end - start, size) - lead)
    if long or size > _WIDEST:
        text = text[: _WIDEST - 3] + "..."
    return text, *_extent(source, start, span, width(text))


def _extent(source: Source, start: int, span: Span, room: int) -> tuple[int, int]:
    """Return the columns before an underline and its length on a line that begins at `start`.

    `room` are the columns that the line is shown in.
    """
    if span.start - start > _MOST_BYTES:
        return _WIDEST, 1
    head = source.decode(start, span.start)
    end = min(span.end, span.start + _MOST_BYTES)
    body = source.decode(span.start, end).split("\n")[0].rstrip("\r")
    lead = width(shown(head))
    length = width(shown(head + body)) - lead
    lead = min(lead, _WIDEST)
    return lead, max(1, min(length, room - lead))
