"""Edits on a parsed file: fields put in, taken out and replaced in the file's own style."""

from __future__ import annotations

import re
from collections.abc import Sequence

from protolint.edit import Edit
from protolint.source import Source, Span
from protolint.text.tree import Block, Node, Scalar

__all__ = ["append_field", "delete_fields", "quote", "replace", "replace_value"]

_REST_OF_LINE = re.compile(r"[ \t\r\v\f]*(?:#[^\n]*)?(?:\n|\Z)")

_END_OF_LIST = re.compile(r"\s*\]")
_SEPARATOR = re.compile(r"[ \t\r\v\f]*[,;]")


def quote(text: str) -> str:
    """Return a string as a text-format literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _indent_of(source: Source, offset: int) -> str:
    """Return the white space that the line of an offset begins with."""
    text = source.text
    start = text.rfind("\n", 0, offset) + 1
    end = start
    while end < len(text) and text[end] in " \t":
        end += 1
    return text[start:end]


def _begins_line(source: Source, offset: int) -> bool:
    start = source.text.rfind("\n", 0, offset) + 1
    return not source.text[start:offset].strip()


def _indent_unit(source: Source, block: Block) -> str:
    """Return what one level of nesting adds, as this block, else the file's first, shows it."""
    inner_blocks = [child for child in block.children if isinstance(child, Block)]
    for outer in (block, *inner_blocks):
        base = _indent_of(source, outer.start)
        for child in outer.children:
            if _begins_line(source, child.start):
                inner = _indent_of(source, child.start)
                if inner.startswith(base) and inner != base:
                    return inner[len(base) :]
    return "  "


def _line_end(source: Source) -> str:
    """Return the line end the file uses, by its first line."""
    at = source.text.find("\n")
    return "\r\n" if at > 0 and source.text[at - 1] == "\r" else "\n"


def append_field(source: Source, block: Block, lines: list[str]) -> Edit:
    """Return the edit that puts a field at the end of a block.

    `lines` are the field's lines, indented by one tab per level below the block. In a block
    on one line they are joined by spaces.
    """
    close = block.end - 1
    opened_at = source.line_number(block.value_start)
    if source.line_number(close) == opened_at:
        content = " ".join(line.strip() for line in lines)
        gap = "" if source.text[close - 1] in " \t{<" else " "
        lead = " " if source.text[close - 1] in "{<" else gap
        return Edit(close, close, f"{lead}{content} ")
    unit = _indent_unit(source, block)
    base = _indent_of(source, block.start)
    end_of_line = _line_end(source)
    text = "".join(f"{_indented(line, base + unit, unit)}{end_of_line}" for line in lines)
    if _begins_line(source, close):
        start = source.text.rfind("\n", 0, close) + 1
        return Edit(start, start, text)
    return Edit(close, close, f"{end_of_line}{text}{base}")


def _indented(line: str, base: str, unit: str) -> str:
    content = line.lstrip("\t")
    return base + unit * (len(line) - len(content)) + content


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
    return [_deletion(source, _from_comma(text, start, end), end) for start, end in ranges]


def _from_comma(text: str, start: int, end: int) -> int:
    """Return where a deletion starts that takes the last items of a list out: at the comma."""
    before = start
    while before and text[before - 1].isspace():
        before -= 1
    is_last = before and text[before - 1] == "," and _END_OF_LIST.match(text, end)
    return before - 1 if is_last else start


def _deletion(source: Source, start: int, end: int) -> Edit:
    text = source.text
    rest = _REST_OF_LINE.match(text, end)
    if _begins_line(source, start):
        if rest is not None:
            return Edit(text.rfind("\n", 0, start) + 1, rest.end(), "")
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
