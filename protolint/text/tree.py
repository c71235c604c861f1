"""The lossless tree: every field of a text-format file with its place in the bytes.

A node stores offsets, never copies, so that what lies between nodes (white space,
comments, separators) is kept by keeping the file. `to_text` prints a tree by joining
what the nodes cover and what lies between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from re import Match
from typing import Union

from protolint.record import NamedTuple
from protolint.source import Source, Span

__all__ = [
    "MAX_DEPTH", "Block", "ListValue", "Node", "Scalar", "SyntaxProblem", "Tree", "placed",
    "starting_at", "to_text", "walk",
]  # fmt: skip

#: Levels of nesting read, as in protobuf's own readers (recursion limit 100).
MAX_DEPTH = 100


class _Placed:
    """What has a place in the file: where it starts, where its value does, where it ends."""

    __slots__ = ("end", "start", "value_start")

    start: int
    value_start: int
    end: int

    def move(self, offset: int) -> None:
        """Shift what was read from a part of the file to its place in the whole."""
        self.start += offset
        self.value_start += offset
        self.end += offset


class Written(NamedTuple):
    """A field with one value as it is written, with offsets from the start of its line."""

    name: str
    start: int
    value_start: int
    end: int
    raw: str


class Scalar:
    """A field with one value: `name: value`.

    `raw` is the value's tokens as written, without what lies between adjacent strings or
    after a minus sign; it is "" where the value is missing or broken (a syntax problem says
    so). Inside a list the name is that of the list and `start` is where the value begins.

    A net has ten thousands of these, and few different ones: what one says is shared with
    those that say the same, and only where it stands is its own.
    """

    __slots__ = ("base", "written")

    def __init__(self, base: int, written: Written) -> None:
        self.base = base
        self.written = written

    @classmethod
    def of(cls, name: str, start: int, value_start: int, end: int, raw: str) -> Scalar:
        """Make a scalar from offsets that count from the start of the file."""
        return cls(0, Written(name, start, value_start, end, raw))

    def move(self, offset: int) -> None:
        """Shift what was read from a part of the file to its place in the whole."""
        self.base += offset

    @property
    def name(self) -> str:
        """The field's name."""
        return self.written[0]

    @property
    def raw(self) -> str:
        """The value as written."""
        return self.written[4]

    @property
    def start(self) -> int:
        """Where the field begins, in bytes."""
        return self.base + self.written[1]

    @property
    def value_start(self) -> int:
        """Where the value begins."""
        return self.base + self.written[2]

    @property
    def end(self) -> int:
        """Where the value ends."""
        return self.base + self.written[3]

    @property
    def in_list(self) -> bool:
        """Whether it is an item of a list, and so has no name of its own."""
        return self.start == self.value_start

    @property
    def span(self) -> Span:
        """The bytes of the whole field, without a separator after it."""
        return Span(self.start, self.end)

    @property
    def value_span(self) -> Span:
        """The bytes of the value."""
        return Span(self.value_start, self.end)

    @property
    def name_span(self) -> Span:
        """The bytes of the field's name."""
        return Span(self.start, self.start + len(self.name))


class Block(_Placed):
    """A field that holds a message: `name { ... }` or `name: < ... >`.

    `value_start` is the opening brace, `end` is after the closing one, if it is known. A block that
    the file never closes ends where the file does and has `closed` False.

    Nets repeat themselves: a block may share what is in it with its `model`, whose children have
    offsets from `at`. Before that stands its `head`, matched in the file: name and brace of the
    block, and for each of its first lines, which say what layer it is, a name and the content of a
    string or a word. `readings` are what a model is in schemas (protolint.caffe.binder).
    """

    # Without __getattr__ for what is made late: Python looks up all attributes slowly then.
    __slots__ = ("_children", "_head_nodes", "at", "closed", "head", "model", "name", "readings")

    _children: list[Node] | None
    _head_nodes: list[Scalar] | None
    readings: dict[object, object]

    def __init__(
        self,
        name: str,
        start: int,
        value_start: int,
        model: Block | None = None,
        at: int = 0,
        head: Match[str] | None = None,
        end: int = 0,
    ) -> None:
        self.name = name
        self.start = start
        self.value_start = value_start
        self.end = end or value_start + 1
        self.closed = end > 0
        self.model = model
        if model is None:
            self._children = []
            self.readings = {}
        else:
            self._children = self._head_nodes = None
            self.at = at
            self.head = head

    @property
    def children(self) -> list[Node]:
        """The fields in it; those it shares are made when they are asked for."""
        if self._children is None:
            inside = () if self.model is None else self.model.children
            self._children = [*self.head_nodes, *(placed(node, self.at) for node in inside)]
        return self._children

    @property
    def head_nodes(self) -> list[Scalar]:
        """The fields in its head."""
        if self._head_nodes is None:
            self._head_nodes = [] if self.head is None else _nodes_in(self.head)
        return self._head_nodes

    @property
    def in_list(self) -> bool:
        """Whether it is an item of a list, and so has no name of its own."""
        return self.start == self.value_start

    @property
    def span(self) -> Span:
        """The bytes of the whole field, from its name to the closing brace."""
        return Span(self.start, self.end)

    @property
    def head_span(self) -> Span:
        """The bytes that open the block, its name and brace: what a message points at."""
        return Span(self.start, self.value_start + 1)

    @property
    def name_span(self) -> Span:
        """The bytes of the field's name."""
        return Span(self.start, self.start + len(self.name))


class ListValue(_Placed):
    """A field given as a list: `name: [a, b]`; each item is a node of the same name.

    `colon` is whether a colon stands before it: only a list of messages may do without.
    """

    __slots__ = ("colon", "items", "name")

    def __init__(
        self,
        name: str,
        start: int,
        value_start: int,
        end: int,
        items: list[Scalar | Block],
        *,
        colon: bool = True,
    ) -> None:
        self.name = name
        self.start = start
        self.value_start = value_start
        self.end = end
        self.items = items
        self.colon = colon

    @property
    def span(self) -> Span:
        """The bytes of the whole field, from its name to the closing bracket."""
        return Span(self.start, self.end)

    @property
    def name_span(self) -> Span:
        """The bytes of the field's name."""
        return Span(self.start, self.start + len(self.name))


Node = Union[Scalar, Block, ListValue]


_new = tuple.__new__


def _nodes_in(head: Match[str]) -> list[Scalar]:
    """Return the fields in the head of a block."""
    found = []
    for i in range(3, head.lastindex or 0, 3):
        name, text, word = head.group(i, i + 1, i + 2)
        if word is None:
            start, end = head.start(i + 1) - 1, head.end(i + 1) + 1
        else:
            start, end = head.span(i + 2)
        written = _new(Written, (name, head.start(i), start, end, word or f'"{text}"'))
        found.append(Scalar(0, written))
    return found


def placed(node: Node, at: int) -> Node:
    """Return a node of a model as one at its place in the file."""
    if isinstance(node, Scalar):
        return Scalar(node.base + at, node.written)
    if isinstance(node, ListValue):
        items = [placed(item, at) for item in node.items]
        start, value_start, end = node.start + at, node.value_start + at, node.end + at
        return ListValue(node.name, start, value_start, end, items, colon=node.colon)  # type: ignore[arg-type]
    block = Block(node.name, node.start + at, node.value_start + at, node, at, None, node.end + at)
    block.closed = node.closed
    return block


class SyntaxProblem(NamedTuple):
    """A place where the text is no text format, or is not clean UTF-8.

    `fatal` is False for what Caffe's parser reads over, such as a broken byte in a comment.
    """

    span: Span
    message: str
    fatal: bool = True
    opened: Span | None = None

    def moved(self, offset: int) -> SyntaxProblem:
        """Return the same problem, of a part of the file, at its place in the whole."""
        opened = self.opened and Span(*(place + offset for place in self.opened))
        start, end = self.span
        return self._replace(span=Span(start + offset, end + offset), opened=opened)


class Tree:
    """A parsed file: its top-level nodes and what is wrong with the syntax."""

    __slots__ = ("children", "problems", "source")

    def __init__(
        self, source: Source, children: list[Node], problems: tuple[SyntaxProblem, ...] = ()
    ) -> None:
        self.source = source
        self.children = children
        self.problems = problems

    @property
    def broken(self) -> bool:
        """Whether Caffe's own parser would refuse the syntax."""
        return any(problem.fatal for problem in self.problems)


def children_of(node: Node) -> list[Node]:
    """Return the nodes directly inside a node: a block's fields, a list's items."""
    if isinstance(node, Block):
        return node.children
    return list(node.items) if isinstance(node, ListValue) else []


def starting_at(nodes: Sequence[Node], offset: int) -> Node:
    """Return the node that begins at an offset, one of these or inside one of them."""
    node = [node for node in nodes if node.start <= offset][-1]
    return node if node.start == offset else starting_at(children_of(node), offset)


def walk(nodes: list[Node]) -> Iterator[Node]:
    """Every node of the forest, parents before children, in file order."""
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children_of(node)))


def to_text(tree: Tree) -> bytes:
    """Return the file as the tree describes it, put together from nodes and the gaps between them.

    Equal to the source for every tree the parser makes; a node that overlaps its neighbour
    or leaves its parent would show as text that is missing or doubled.
    """
    data = tree.source.data
    pieces: list[bytes] = []

    def emit(nodes: list[Node], at: int, end: int) -> None:
        for node in nodes:
            pieces.append(data[at : node.start])
            inner = children_of(node)
            if inner:
                emit(inner, node.start, node.end)
            else:
                pieces.append(data[node.start : node.end])
            at = node.end
        pieces.append(data[at:end])

    emit(tree.children, 0, len(data))
    return b"".join(pieces)
