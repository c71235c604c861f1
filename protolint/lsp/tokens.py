"""The words of a text by their kinds, for editors that colour by meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from protolint.record import NamedTuple
from protolint.source import Source
from protolint.text.tree import Block, ListValue, Node, Scalar, Tree

__all__ = ["KINDS", "Token", "tokens"]

#: The kinds of words, as the protocol calls them; a token has the place of its kind.
KINDS = ("property", "struct", "class", "variable", "string", "number", "enumMember", "comment")

_NAMES = {"type": "class", "bottom": "variable", "top": "variable", "name": "variable"}
_NUMBER = re.compile(rb"[-+.\d]")
_COMMENT = re.compile(rb"""#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""")


class Token(NamedTuple):
    """A word on one line: where it starts and ends, in bytes, and its kind."""

    start: int
    end: int
    kind: str


def tokens(tree: Tree) -> list[Token]:
    """Return the words of a text in order; text that is no net has its comments only."""
    found = [*_comments(tree.source), *_words(tree.children, tree.source.data)]
    return sorted(found)


def _comments(source: Source) -> Iterator[Token]:
    for match in _COMMENT.finditer(source.data):
        if match[0].startswith(b"#"):
            yield Token(match.start(), len(match[0].rstrip(b"\r")) + match.start(), "comment")


def _words(nodes: list[Node], data: bytes) -> Iterator[Token]:
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        if isinstance(node, ListValue):
            yield Token(*node.name_span, "property")
            stack += reversed(node.items)
            continue
        if not node.in_list:
            yield Token(*node.name_span, "struct" if isinstance(node, Block) else "property")
        if isinstance(node, Block):
            stack += reversed(node.children)
        elif b"\n" not in (value := data[node.value_start : node.end]):
            yield Token(node.value_start, node.end, _kind(node, value))


def _kind(node: Scalar, value: bytes) -> str:
    if value[:1] in (b'"', b"'"):
        return _NAMES.get(node.name, "string")
    return "number" if _NUMBER.match(value) else "enumMember"
