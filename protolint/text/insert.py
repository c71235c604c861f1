"""Edits that put layers and fields into a file, in the style of what is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from protolint.edit import Edit
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.text.style import (
    begins_line,
    indent_of,
    indented,
    is_one_line,
    line_end,
    line_start,
    unit_of,
)
from protolint.text.tree import Block, Node
from protolint.text.write import delete_fields

__all__ = [
    "NewLayer",
    "comment",
    "delete_layer",
    "insert_after",
    "insert_after_field",
    "insert_before",
    "insert_line_after",
    "insert_line_before",
    "laid_out",
    "replace_layer",
    "rewrite",
]

_REST = re.compile(r"[ \t]*[,;]?[ \t]*(?:#[^\r\n]*)?(?=\r?\n|\Z)")
_BLANK_LINE = re.compile(r"\r?\n[ \t]*(?=\r?\n)")
_BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n)+")
_SEPARATOR = re.compile(r"[ \t]*[,;]")


class NewLayer(NamedTuple):
    """A layer to be put in: its lines, indented by one tab per level, and a comment on it."""

    lines: tuple[str, ...]
    comment: str = ""


def laid_out(source: Source, lines: Sequence[str], like: Block, depth: int = 0) -> str:
    """Return lines, indented by one tab a level, as a message beside or inside another has them."""
    if is_one_line(source, like):
        return " ".join(line.strip() for line in lines)
    unit = unit_of(source, like)
    base = indent_of(source, like) + unit * depth
    return line_end(source).join(indented(lines, base, unit))


def _layer_text(source: Source, new: NewLayer, like: Block) -> str:
    """Return a layer with the brackets and the layout of the one beside it."""
    head = source.text[like.start : like.value_start + 1]
    lines = new.lines
    if "\n" not in head and "#" not in head and like.closed:
        lines = (head, *lines[1:-1], source.text[like.end - 1])
    if not new.comment:
        return laid_out(source, lines, like)
    if is_one_line(source, like):
        return f"{laid_out(source, lines, like)}  {new.comment}"
    return laid_out(source, (f"{lines[0]}  {new.comment}", *lines[1:]), like)


def insert_after(source: Source, node: Block, layers: Sequence[NewLayer]) -> Edit:
    """Return the edit that puts layers below another one, laid out as that one is."""
    rest = _REST.match(source.text, node.end)
    texts = [_layer_text(source, new, node) for new in layers]
    end = line_end(source)
    if rest is None or not begins_line(source, node.start):
        ends = [end if new.comment else "" for new in layers]
        pairs = zip(texts, ends, strict=True)
        return Edit(node.end, node.end, "".join(f" {text.strip()}{after}" for text, after in pairs))
    gap = end * (2 if _BLANK_LINE.match(source.text, rest.end()) else 1)
    if is_one_line(source, node):
        gap += indent_of(source, node)
    return Edit(rest.end(), rest.end(), "".join(gap + text for text in texts))


def insert_before(source: Source, node: Block, new: NewLayer) -> Edit:
    """Return the edit that puts a layer above another one."""
    text = _layer_text(source, new, node)
    end = line_end(source)
    if node.in_list:
        text += "," if text.endswith(("}", ">")) else f"{end}{indent_of(source, node)},"
    if not begins_line(source, node.start):
        return Edit(node.start, node.start, f"{text.strip()}{end if new.comment else ' '}")
    start = line_start(source, node.start)
    if is_one_line(source, node):
        text = indent_of(source, node) + text
    spaced = source.text[:start].rstrip(" \t").endswith(("\n\n", "\n\r\n"))
    return Edit(start, start, text + end * (2 if spaced else 1))


def insert_line_before(source: Source, node: Block, line: str) -> Edit:
    """Return the edit that puts a field of the net above a layer."""
    if not begins_line(source, node.start):
        return Edit(node.start, node.start, f"{line} ")
    start = line_start(source, node.start)
    return Edit(start, start, f"{indent_of(source, node)}{line}{line_end(source)}")


def insert_line_after(source: Source, node: Node, line: str) -> Edit:
    """Return the edit that puts a field of the file behind another one."""
    rest = _REST.match(source.text, node.end)
    if rest is None or not begins_line(source, node.start):
        return Edit(node.end, node.end, f" {line}")
    return Edit(rest.end(), rest.end(), f"{line_end(source)}{indent_of(source, node)}{line}")


def insert_after_field(source: Source, block: Block, node: Node, lines: Sequence[str]) -> Edit:
    """Return the edit that puts fields behind another field of the same message."""
    separator = _SEPARATOR.match(source.text, node.end)
    end = separator.end() if separator is not None else node.end
    rest = _REST.match(source.text, end)
    if is_one_line(source, block) or rest is None or not begins_line(source, node.start):
        return Edit(end, end, f" {' '.join(line.strip() for line in lines)}")
    text = laid_out(source, lines, block, depth=1)
    return Edit(rest.end(), rest.end(), line_end(source) + text)


def rewrite(source: Source, block: Block, node: Block, lines: Sequence[str]) -> Edit:
    """Return the edit that writes other lines over a message in a message, in its layout."""
    if is_one_line(source, node) or not begins_line(source, node.start):
        return Edit(node.start, node.end, " ".join(line.strip() for line in lines))
    return Edit(node.start, node.end, laid_out(source, lines, block, depth=1).lstrip())


def delete_layer(source: Source, node: Block) -> list[Edit]:
    """Return the edits that take out a layer, its lines, and one of two blank lines around."""
    edits = delete_fields(source, [node])
    if len(edits) != 1:
        return edits
    start, end, text = edits[0]
    before = source.text[:start].rstrip(" \t")
    if text or not (before.endswith(("\n\n", "\n\r\n")) or not before):
        return edits
    if end == len(source.text) and len(before) > 1:
        return [Edit(len(before) - (2 if before.endswith("\r\n") else 1), end, "")]
    blank = _BLANK_LINES.match(source.text, end)
    return [Edit(start, blank.end() if blank is not None else end, "")]


def comment(source: Source, node: Block, text: str) -> Edit:
    """Return the edit that gives a layer a comment of protolint's.

    It goes behind the brace that opens the layer, or that closes a layer on one line.
    """
    at = node.value_start + 1
    if is_one_line(source, node):
        rest = _REST.match(source.text, node.end)
        if rest is not None and not _SEPARATOR.match(source.text, node.end):
            return Edit(node.end, node.end, f"  {text}")
    elif _REST.match(source.text, at) is not None:
        return Edit(at, at, f"  {text}")
    inside = indent_of(source, node) + unit_of(source, node)
    return Edit(at, at, f"  {text}{line_end(source)}{inside}")


def replace_layer(source: Source, node: Block, lines: Sequence[str]) -> Edit:
    """Return the edit that writes fields of the net over a layer."""
    between = " "
    if begins_line(source, node.start):
        between = line_end(source) + indent_of(source, node)
    return Edit(node.start, node.end, between.join(lines))
