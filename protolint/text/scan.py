"""The fast reader: text format as nearly every prototxt writes it, one line at a time.

It takes lines made of `name: value`, `name {`, `}` and comments. Any other line, broken or
merely unusual, is read by the grammar (`protolint.text.full`): that line alone where it
means the same alone, else the whole file. Its tree and its problems equal the grammar's
(tests/text/test_readers_agree.py).

Prototxts repeat themselves, so a line is taken apart once and remembered.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from protolint.text.tree import (
    MAX_DEPTH,
    Block,
    ListValue,
    Node,
    Scalar,
    SyntaxProblem,
    Written,
    walk,
)

__all__ = ["forget", "scan"]

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

#: A line that may go on with the field before it: another part of a string, or a separator.
_GOES_ON = re.compile(r"[ \t\r\v\f]*[\"',;]")

# What a line says: its kind, the length of the line, and what that kind needs, offsets from its
# start: a Written of a scalar; name, start and brace of a block; the brace that closes one; name,
# start, opening bracket, end and items of a list; the statements of a line with several.
_SCALAR, _OPEN, _CLOSE, _BLANK, _LIST, _SEVERAL = range(6)
_Items = list[tuple[int, int, str]]
_Statement = tuple[int, int, Any]
#: What has been read: nodes, problems, and blocks that are still open.
_Read = tuple[list[Node], list[SyntaxProblem], list[Block]]

_new = tuple.__new__
_memo: dict[str, _Statement] = {}
#: What layers hold below the lines of their names, by how it is written.
_bodies: dict[str, Block] = {}
_BODIES_LIMIT = 5_000
#: Parts of a file that are no layer, or one in another layout, until it is read line by line.
_OTHERS = 8
#: Parts larger than that are no layers; the grammar says no more than so much of a file.
_LARGEST_PART, _MOST_PROBLEMS = 10_000, 50

_BLANK_LINES = r"(?:[ \t\r\v\f]*(?:\#[^\n]*)?\n)*"
_GOES_ON_BELOW = re.compile(_BLANK_LINES + _GOES_ON.pattern)
_SOME = r"[ \t]*"
_HEAD_LINE = (
    rf'{_SOME}(name|type|bottom|top){_SOME}:{_SOME}(?:"([^"\\\n]*)"|([A-Z][A-Z_0-9]*))[ \t\r]*\n'
)
_LAYER = re.compile(
    rf"{_BLANK_LINES}{_SOME}(layers?){_SOME}:?{_SOME}(\{{)[ \t\r]*\n"
    + f"(?:{_HEAD_LINE}" * 6
    + "|)" * 6
)
#: What may stand between the words of such a head, and what does in nearly every file.
_USUAL_SPACE = (
    (_BLANK_LINES + _SOME, r"\n*"),
    (rf"{_SOME}:?{_SOME}", " "),
    (rf"{_SOME}:{_SOME}", ": "),
    (r"[ \t\r]*\n", r"\n"),
)
#: Known bodies from which on a second pattern has been worth its making.
_MANY_BODIES = 200
_REST = re.compile(r"[ \t\r\v\f]*(?:\#[^\n]*)?(?:\n|\Z)")


def _take_apart(line: str) -> _Statement | None:
    """Return what a line says, or None where it is not of the common shape."""
    length = len(line) + 1
    m = _STATEMENT.match(line)
    if m is not None and m.end() == len(line):
        # One statement, as on nearly every line.
        return _statement(line, m, length)
    found: list[_Statement] = []
    while m is not None:
        statement = _statement(line, m, 0)
        if statement is None:
            return None
        if statement[0] != _BLANK:
            found.append(statement)
        if m.end() == len(line):
            return (
                (_SEVERAL, length, found) if len(found) > 1 else (found[0][0], length, found[0][2])
            )
        m = _STATEMENT.match(line, m.end())
    return None


def _statement(line: str, m: re.Match[str], length: int) -> _Statement | None:
    """One statement of a line, or None where it is a list of more than bare scalars."""
    kind = m.lastindex
    if kind == 2:
        value_start, value_end = m.span(2)
        return _SCALAR, length, _new(Written, (m[1], m.start(1), value_start, value_end, m[2]))
    if kind == 3:
        return _OPEN, length, (m[1], m.start(1), m.start(3))
    if kind == 5:
        return _CLOSE, length, m.start(5)
    if kind == 4:
        items = _items(line, m.start(4) + 1, m.end(4) - 1)
        return None if items is None else (_LIST, length, (m[1], m.start(1), *m.span(4), items))
    return _BLANK, length, None


def _items(line: str, at: int, end: int) -> _Items | None:
    """Return the bare scalars between two brackets, or None where something else stands there."""
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
    _bodies.clear()


def scan(text: str) -> tuple[list[Node], list[SyntaxProblem]] | None:
    """Return the top-level nodes of a file and its syntax problems, or None.

    None means that the grammar has to read the whole file; a line that the grammar can read
    for itself is all that it is asked for. `text` has one character per byte.
    """
    if "\0" in text:
        return None
    if len(_memo) > _MEMO_LIMIT:
        _memo.clear()
    found = _layers(text) or _lines(text)
    return None if found is None or found[2] else found[:2]


def _layers(text: str) -> _Read | None:
    """Return what `_lines` does of a net as most are laid out, or None for any other.

    That is a layer's brace at the end of a line and its closing one at the start of another; what
    layers hold but for their names is read once for all that have the same.
    """
    if "\n}" not in text:
        return None
    if len(_bodies) > _BODIES_LIMIT:
        _bodies.clear()
    top: list[Node] = []
    problems: list[SyntaxProblem] = []
    match, find, known = _LAYER.match, text.find, _bodies.get
    usual = _usual_layer().match if len(_bodies) > _MANY_BODIES else match
    base = parts = others = end = 0
    while end >= 0:
        m = usual(text, base) or match(text, base)
        at = base if m is None else m.end()
        # The line end in front of the brace may be that of the head.
        end = find("\n}", base if m is None else at - 1)
        after = end + 2 if end >= 0 else len(text)
        model = None
        if m is not None and end >= 0:
            body = text[at:end]
            model = known(body) or _read_body(body)
        else:
            others += 1
            if others > _OTHERS + parts // 2 or (parts and not _REST.match(text, base)):
                return None
        if m is not None and model is not None:
            top.append(Block(m[1], m.start(1), m.start(2), model, at, m, after))
        else:
            found = _part(text[base:after], base, is_last=end < 0)
            if found is None:
                return None
            top += found[0]
            problems += found[1]
        base = after
        parts += 1
    return (top, problems, []) if len(problems) < _MOST_PROBLEMS else None


@cache
def _usual_layer() -> re.Pattern[str]:
    """Return what matches a layer with a head as most are written, in half the time."""
    pattern = _LAYER.pattern.removesuffix("|)") + ")"  # One line of the head has to be so.
    for some, usual in _USUAL_SPACE:
        pattern = pattern.replace(some, usual)
    return re.compile(pattern)


def _read_body(text: str) -> Block | None:
    """Return what all layers share that have the same body, or None where it is none."""
    found = _lines(f"{text}\n", depth=1)
    if found is None or found[1] or found[2]:
        return None
    model = _bodies[text] = Block("", 0, 0)
    model.children.extend(found[0])
    return model


def _part(text: str, base: int, *, is_last: bool) -> _Read | None:
    """Return what stands in a part of a file between fields, or None where that is not known."""
    found = _lines(text, base)
    if found is None or found[1] or (found[2] and is_last):
        found = _broken_part(text, base, is_last=is_last)
    return None if found is None or found[2] else found


def _broken_part(text: str, base: int, *, is_last: bool) -> _Read | None:
    """Return what the grammar makes of a part of a file between fields, or None.

    None is where what follows would be read otherwise behind it than between fields. Who types
    has one broken line in a thousand.
    """
    if len(text) > _LARGEST_PART or _GOES_ON_BELOW.match(text):
        return None
    from protolint.text.full import read

    nodes, problems = read(text)
    end = nodes[-1] if nodes else None
    if not is_last and not (isinstance(end, Block) and end.closed and end.end == len(text)):
        return None
    for node in walk(nodes):
        node.move(base)
    return nodes, [problem.moved(base) for problem in problems], []


def _lines(text: str, base: int = 0, depth: int = 0) -> _Read | None:
    """Read a part of a file line by line that begins so many bytes and levels in.

    None is for a line that says nothing for itself.
    """
    memo = _memo
    problems: list[SyntaxProblem] = []
    top: list[Node] = []
    children = top
    stack: list[Block] = []
    end_of_text = base + len(text)
    most = MAX_DEPTH - depth
    lines = text.split("\n")
    for line, known in zip(lines, map(memo.get, lines), strict=True):
        if known is None:
            known = _take_apart(line)
            if known is None:
                uncommon = (
                    _uncommon_line(line, base, len(stack) + depth)
                    if base + len(line) < end_of_text
                    else None
                )
                if uncommon is None or (uncommon[1] and (stack or _GOES_ON.match(line))):
                    return None
                children += uncommon[0]
                problems += uncommon[1]
                base += len(line) + 1
                continue
            memo[line] = known
        kind, length, what = known
        if kind == _SCALAR:
            children.append(Scalar(base, what))
        elif kind != _BLANK:
            for kind, _, what in what if kind == _SEVERAL else (known,):  # noqa: B020
                if kind == _SCALAR:
                    children.append(Scalar(base, what))
                elif kind == _OPEN:
                    if len(stack) == most:
                        return None
                    name, start, brace = what
                    block = Block(name, base + start, base + brace)
                    children.append(block)
                    stack.append(block)
                    children = block.children
                elif kind == _CLOSE:
                    if not stack:
                        return None
                    block = stack.pop()
                    block.end = base + what + 1
                    block.closed = True
                    children = stack[-1].children if stack else top
                else:
                    name, start, bracket, end, items = what
                    children.append(
                        ListValue(
                            name,
                            base + start,
                            base + bracket,
                            base + end,
                            _list_items(name, items, base),
                        )
                    )
        base += length
    return top, problems, stack


def _list_items(name: str, found: _Items, base: int) -> list[Scalar | Block]:
    return [Scalar(base, Written(name, first, first, end, raw)) for first, end, raw in found]


def _uncommon_line(
    line: str, base: int, depth: int
) -> tuple[list[Node], list[SyntaxProblem]] | None:
    """Return what the grammar makes of one line, or None where it cannot be read without the next.

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
