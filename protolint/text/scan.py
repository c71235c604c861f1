"""The fast reader: text format as nearly every prototxt writes it, one line at a time.

It takes lines made of `name: value`, `name {`, `}` and comments. Any other line, broken or
merely unusual, is read by the grammar (`protolint.text.full`): that line alone where it
means the same alone, else the whole file. Its tree and its problems equal the grammar's
(tests/text/test_readers_agree.py).

Prototxts repeat themselves, so a line is taken apart once and remembered.
"""

from __future__ import annotations

import re
from typing import Union

from protolint.text.tree import Block, ListValue, Node, Scalar, SyntaxProblem, walk

__all__ = ["MAX_DEPTH", "forget", "scan"]

#: Levels of nesting read, as in protobuf's own readers (recursion limit 100).
MAX_DEPTH = 100

#: Lines remembered across files; more than any net has different ones.
_MEMO_LIMIT = 50_000

_BARE = r"""
    -?(?:0|[1-9][0-9]*|(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?
        |[1-9][0-9]*[eE][+-]?[0-9]+)(?![\w.])
  | -?[A-Za-z_]\w*(?![\w.])
"""
_STATEMENT = re.compile(
    r"""
    [\ \t\r\v\f]*
    (?:
        ([A-Za-z_]\w*) [\ \t\r\v\f]*
        (?:
            :[\ \t\r\v\f]*
            (
                "[^"\\]*(?:\\(?:[abfnrtv\\?'"]|[0-3][0-7]{2}|x[0-9a-fA-F]{2}(?![0-9a-fA-F]))[^"\\]*)*"
                (?![ \t\r\v\f]*["'])
              | '[^'\\]*'(?![ \t\r\v\f]*["'])
              | BARE
            )
            (?:[\ \t\r\v\f]*[,;])?
          | :?[\ \t\r\v\f]*(\{)
          | :[\ \t\r\v\f]*(\[[^\]\["'#{}<>]*\])(?:[\ \t\r\v\f]*[,;])?
        )
      | (\})(?:[\ \t\r\v\f]*[,;])?
      | (\#.*)?$
    )
    """.replace("BARE", _BARE),
    re.VERBOSE | re.ASCII,
)

# A statement of a line, offsets from the line's begin: a scalar (name, start, value start,
# end, raw), an opened block (name, start, brace), a closing brace (offset,), or a list of bare
# scalars (name, start, bracket, end, "", [(start, end, raw), ...]).
_Scalar = tuple[str, int, int, int, str]
_Open = tuple[str, int, int]
_Close = tuple[int]
_List = tuple[str, int, int, int, str, list[tuple[int, int, str]]]
_Statement = Union[_Scalar, _Open, _Close, _List]

_memo: dict[str, tuple[_Statement, ...]] = {}


def _statements(line: str) -> tuple[_Statement, ...] | None:
    """The statements of a line, or None where it is not of the common shape."""
    found: list[_Statement] = []
    at, end = 0, len(line)
    match = _STATEMENT.match
    while at < end:
        m = match(line, at)
        if m is None:
            return None
        kind = m.lastindex
        if kind == 2:
            value_start, value_end = m.span(2)
            found.append((m[1], m.start(1), value_start, value_end, m[2]))
        elif kind == 3:
            found.append((m[1], m.start(1), m.start(3)))
        elif kind == 5:
            found.append((m.start(5),))
        elif kind == 4:
            items = _items(line, m.start(4) + 1, m.end(4) - 1)
            if items is None:
                return None
            found.append((m[1], m.start(1), m.start(4), m.end(4), "", items))
        else:
            break
        at = m.end()
    return tuple(found)


def _items(line: str, at: int, end: int) -> list[tuple[int, int, str]] | None:
    """The bare scalars between two brackets, or None where something else stands there."""
    bare = re.compile(rf"[ \t\r\v\f]*({_BARE})[ \t\r\v\f]*", re.VERBOSE | re.ASCII)
    found = []
    while True:
        m = bare.match(line, at, end)
        if m is None:
            return None
        found.append((m.start(1), m.end(1), m[1]))
        if m.end() == end:
            return found
        if line[m.end()] != ",":
            return None
        at = m.end() + 1


def forget() -> None:
    """Forget every line seen, so that a measurement starts fresh."""
    _memo.clear()


def scan(text: str) -> tuple[list[Node], list[SyntaxProblem]] | None:
    """The top-level nodes of a file and its syntax problems, or None.

    None means that the grammar has to read the whole file; a line that the grammar can read
    for itself is all that it is asked for. `text` has one character per byte.
    """
    if "\0" in text:
        return None
    problems: list[SyntaxProblem] = []
    memo = _memo
    if len(memo) > _MEMO_LIMIT:
        memo.clear()
    top: list[Node] = []
    children = top
    stack: list[Block] = []
    base = 0
    lines = text.split("\n")
    for line, statements in zip(lines, map(memo.get, lines), strict=True):
        if statements is None:
            statements = _statements(line)
            if statements is None:
                odd = _odd_line(line, base, len(stack)) if base + len(line) < len(text) else None
                if odd is None or (odd[1] and stack):
                    return None
                children += odd[0]
                problems += odd[1]
                base += len(line) + 1
                continue
            memo[line] = statements
        for statement in statements:
            size = len(statement)
            if size == 5:
                name, start, value_start, end, raw = statement  # type: ignore[misc]
                children.append(Scalar(name, base + start, base + value_start, base + end, raw))
            elif size == 3:
                if len(stack) == MAX_DEPTH:
                    return None
                name, start, brace = statement  # type: ignore[misc]
                block = Block(name, base + start, base + brace)
                children.append(block)
                stack.append(block)
                children = block.children
            elif size == 6:
                children.append(_list(statement, base))  # type: ignore[arg-type]
            else:
                if not stack:
                    return None
                block = stack.pop()
                block.end = base + statement[0] + 1  # type: ignore[operator]
                block.closed = True
                children = stack[-1].children if stack else top
        base += len(line) + 1
    return None if stack else (top, problems)


def _odd_line(line: str, base: int, depth: int) -> tuple[list[Node], list[SyntaxProblem]] | None:
    """What the grammar makes of one line, or None where it cannot be read without the next.

    A line on which every field is complete means the same wherever fields may stand. One with
    an error does so only between top-level fields: what is expected depends on what is open.
    """
    from protolint.text.full import read

    if depth + line.count("{") + line.count("<") > MAX_DEPTH:
        return None
    nodes, problems = read(f"{line}\n")
    if any(problem.span.start > len(line) for problem in problems):
        return None
    for node in walk(nodes):
        node.move(base)
    return nodes, [problem.moved(base) for problem in problems]


def _list(statement: _List, base: int) -> ListValue:
    name, start, bracket, end, _, found = statement
    items: list[Scalar | Block] = [
        Scalar(name, base + first, base + first, base + last, raw) for first, last, raw in found
    ]
    return ListValue(name, base + start, base + bracket, base + end, items)
