"""Edits on a parsed file: fields put in, taken out and replaced in the file's own style."""

from __future__ import annotations

import re
from collections.abc import Sequence

from protolint.edit import Edit
from protolint.source import Source, Span
from protolint.text.style import (
    begins_line,
    indent_of,
    indented,
    is_one_line,
    line_end,
    line_start,
    unit_of,
)
from protolint.text.tree import Block, Node, Scalar

__all__ = ["append_field", "delete", "delete_fields", "quote", "replace", "replace_value"]

_REST_OF_LINE = re.compile(r"[ \t\r\v\f]*(?:#[^\n]*)?(?:\n|\Z)")

_END_OF_LIST = re.compile(r"\s*\]")
_SEPARATOR = re.compile(r"[ \t\r\v\f]*[,;]")


def quote(text: str) -> str:
    """Return a string as a text-format literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def append_field(source: Source, block: Block, lines: list[str]) -> Edit:
    """Return the edit that puts a field at the end of a block.

    `lines` are the field's lines, indented by one tab per level below the block. In a block
    on one line they are joined by spaces.
    """
    close = block.end - 1
    if is_one_line(source, block):
        content = " ".join(line.strip() for line in lines)
        gap = "" if source.text[close - 1] in " \t{<" else " "
        lead = " " if source.text[close - 1] in "{<" else gap
        return Edit(close, close, f"{lead}{content} ")
    unit, end = unit_of(source, block), line_end(source)
    base = indent_of(source, block)
    text = "".join(f"{line}{end}" for line in indented(lines, base + unit, unit))
    if begins_line(source, close):
        start = line_start(source, close)
        return Edit(start, start, text)
    return Edit(close, close, f"{end}{text}{base}")


def delete_fields(source: Source, nodes: Sequence[Node]) -> list[Edit]:
    """Return the edits that take fields out, in any order and possibly side by side on one line.

    Lines that hold nothing else go altogether, with a comment behind the field.
    """
    text = source.text
    ranges: list[list[int]] = []
    for node in sorted(nodes, key=lambda node: node.start):
        separator = _SEPARATOR.match(text, node.end)
        end = separator.end() if separator else node.end
        if ranges and not text[ranges[-1][1] : node.start].strip():
            ranges[-1][1] = end
        else:
            ranges.append([node.start, end])
    return [delete(source, Span(_from_comma(text, start, end), end)) for start, end in ranges]


def _from_comma(text: str, start: int, end: int) -> int:
    """Return where a deletion starts that takes the last items of a list out: at the comma."""
    before = start
    while before and text[before - 1].isspace():
        before -= 1
    is_last = before and text[before - 1] == "," and _END_OF_LIST.match(text, end)
    return before - 1 if is_last else start


def delete(source: Source, span: Span) -> Edit:
    """Return the edit that takes a span out, its whole line where nothing else is on it.

    A comment behind it goes with the line.
    """
    text, (start, end) = source.text, span
    rest = _REST_OF_LINE.match(text, end)
    if begins_line(source, start):
        if rest is not None:
            return Edit(line_start(source, start), rest.end(), "")
        while text[end] in " \t":
            end += 1
        return Edit(start, end, "")
    while text[start - 1] in " \t":
        start -= 1
    return Edit(start, end, "")


def replace(span: Span, text: str) -> Edit:
    """Return the edit that writes other text over a span."""
    return Edit(span.start, span.end, text)


def replace_value(node: Scalar, text: str) -> Edit:
    """Return the edit that gives a field another value."""
    return Edit(node.value_start, node.end, text)
