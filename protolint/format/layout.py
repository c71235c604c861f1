"""The layout of a text-format file: two spaces a level, a line for each field.

What is on one line and fits stays on one line. Comments stay where they are, behind a field or
above one; strings, numbers and lists keep their own spelling. A line end is that of the file's
first line. There are no options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from protolint.record import NamedTuple
from protolint.text.tree import Block, ListValue, Node, Tree

__all__ = ["WIDTH", "formatted"]

#: The widest line that a block on one line may make.
WIDTH = 100
_INDENT = "  "
_GAP = re.compile(r"#[^\n]*|\n")
#: What a comment says to protolint holds for its line, so that the line must stay one.
_DIRECTIVE = re.compile(r"#\s*protolint\s*:")


class _Comment(NamedTuple):
    """A comment between two fields, and what stands before it."""

    text: str
    behind: bool
    blank: bool


def formatted(tree: Tree) -> bytes:
    """Return the file in protolint's layout: the same message, the same comments in order.

    A file whose syntax is broken, or that has bytes that are no UTF-8, comes back as it is.
    """
    data = tree.source.data
    if tree.broken or tree.problems or not (tree.children or data.strip()):
        return data
    text = tree.source.text
    lines = _Printer(text).lines(tree.children, 0, len(text), 0)
    laid_out = "".join(f"{line}\n" for line in lines)
    first = text.find("\n")
    if first > 0 and text[first - 1] == "\r":
        laid_out = laid_out.replace("\n", "\r\n")
    return laid_out.encode("latin-1")


class _Printer:
    """Turns nodes into lines; `text` has one character per byte."""

    def __init__(self, text: str) -> None:
        self.text = text

    def lines(self, nodes: Sequence[Node], start: int, end: int, depth: int) -> list[str]:
        """Return the lines of the fields between two places, with the comments around them."""
        lines: list[str] = []
        at = start
        indent = _INDENT * depth
        for number, node in enumerate(nodes):
            opened = number == 0 and depth > 0
            blank = self._put_comments(lines, at, node.start, indent, opened=opened)
            if blank and lines:
                lines.append("")
            lines += self._node(node, depth, self._next_start(nodes, number, end))
            at = node.end
        self._put_comments(lines, at, end, indent, opened=not nodes and depth > 0)
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @staticmethod
    def _next_start(nodes: Sequence[Node], number: int, end: int) -> int:
        return nodes[number + 1].start if number + 1 < len(nodes) else end

    def _put_comments(
        self, lines: list[str], start: int, end: int, indent: str, *, opened: bool
    ) -> bool:
        """Add the comments of a gap; return whether an empty line follows them.

        One that stands behind the opening brace of a block becomes the block's first line.
        """
        comments, blank = self._gap(start, end)
        for comment in comments:
            if comment.behind and lines and not opened:
                lines[-1] += f"  {comment.text}"
                continue
            if comment.blank and lines:
                lines.append("")
            lines.append(indent + comment.text)
        return blank

    def _gap(self, start: int, end: int) -> tuple[list[_Comment], bool]:
        """Return the comments between two fields, and whether an empty line ends the gap."""
        comments: list[_Comment] = []
        ends = 0
        behind = start > 0
        for match in _GAP.finditer(self.text, start, end):
            if match[0] == "\n":
                ends += 1
                behind = False
            else:
                comments.append(_Comment(match[0].rstrip(), behind, ends > 1))
                ends = 0
                behind = False
        return comments, ends > 1

    def _node(self, node: Node, depth: int, after: int) -> list[str]:
        """Return a field's lines; `after` is where the next one begins."""
        indent = _INDENT * depth
        as_written = self.text[node.start : node.end].replace("\r\n", "\n")
        short = self._on_one_line(node)
        if short is not None:
            line = indent + short
            if "\n" not in as_written and (
                not isinstance(node, Block)
                or len(line) <= WIDTH
                or self._is_directed(node.end, after)
            ):
                return [line]
        if not isinstance(node, Block) or not self._is_plain_head(node):
            return [indent + line if i == 0 else line for i, line in enumerate(_split(as_written))]
        inner = self.lines(node.children, node.value_start + 1, node.end - 1, depth + 1)
        if not inner:
            return [f"{indent}{node.name} {{}}"]
        return [f"{indent}{node.name} {{", *inner, f"{indent}}}"]

    def _is_directed(self, start: int, end: int) -> bool:
        """Whether a comment on the rest of a line speaks to protolint."""
        rest = self.text[start:end].split("\n")[0]
        return _DIRECTIVE.search(rest) is not None

    def _is_plain_head(self, node: Node) -> bool:
        """Whether only white space and a colon stand between a field's name and its value."""
        if not self.text.startswith(node.name, node.start):
            return False
        head = self.text[node.start + len(node.name) : node.value_start]
        return head.strip() in ("", ":")

    def _on_one_line(self, node: Node) -> str | None:
        """Return a field as one line; None where a comment or a line end is in it."""
        if not self._is_plain_head(node):
            return None
        if not isinstance(node, Block):
            value = self.text[node.value_start : node.end]
            colon = isinstance(node, ListValue) and not node.colon
            return None if "\n" in value else f"{node.name}{'' if colon else ':'} {value}"
        parts: list[str] = []
        for start, end in self._gaps(node):
            if "#" in self.text[start:end]:
                return None
        for child in node.children:
            part = self._on_one_line(child)
            if part is None:
                return None
            parts.append(part)
        return f"{node.name} {{ {' '.join(parts)} }}" if parts else f"{node.name} {{}}"

    def _gaps(self, block: Block) -> Iterator[tuple[int, int]]:
        """Yield the places between a block's braces and fields."""
        at = block.value_start + 1
        for child in block.children:
            yield at, child.start
            at = child.end
        yield at, block.end - 1


def _split(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n")]
