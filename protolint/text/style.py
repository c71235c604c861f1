"""How a file is laid out: its line ends, and what a level of nesting is indented by."""

from __future__ import annotations

import re
from collections.abc import Iterable

from protolint.source import Source
from protolint.text.tree import Block, Node

__all__ = [
    "UNIT",
    "begins_line",
    "indent_of",
    "indented",
    "is_one_line",
    "line_end",
    "line_start",
    "unit_of",
]

#: What a level of nesting adds where nothing shows it.
UNIT = "  "
_BLANKS = re.compile(r"[ \t]*")


def line_end(source: Source) -> str:
    """Return the line end the file uses, by its first line."""
    at = source.text.find("\n")
    return "\r\n" if at > 0 and source.text[at - 1] == "\r" else "\n"


def line_start(source: Source, offset: int) -> int:
    """Return where the line of an offset begins."""
    return source.text.rfind("\n", 0, offset) + 1


def begins_line(source: Source, offset: int) -> bool:
    """Whether nothing but blanks is before an offset on its line."""
    return not source.text[line_start(source, offset) : offset].strip()


def is_one_line(source: Source, node: Block) -> bool:
    """Whether a message begins and ends on one line."""
    return source.line_number(node.value_start) == source.line_number(node.end - 1)


def indent_of(source: Source, node: Node) -> str:
    """Return the white space that the line of a field begins with."""
    found = _BLANKS.match(source.text, line_start(source, node.start))
    return found[0] if found is not None else ""


def unit_of(source: Source, block: Block) -> str:
    """Return what one level of nesting adds, as a message or one in it shows; else two blanks."""
    inside = (child for child in block.children if isinstance(child, Block))
    for outer in (block, *inside):
        base = indent_of(source, outer)
        for child in outer.children:
            inner = indent_of(source, child)
            if begins_line(source, child.start) and inner.startswith(base) and inner != base:
                return inner[len(base) :]
    return UNIT


def indented(lines: Iterable[str], base: str, unit: str) -> list[str]:
    """Return lines that are indented by one tab a level with a file's own unit, behind `base`."""
    bare = ((line, line.lstrip("\t")) for line in lines)
    return [base + unit * (len(line) - len(content)) + content for line, content in bare]
