"""The complete reader: any text, by the grammar, going on after errors.

lark's parser says where a token does not fit and what would; the handler here reports
it, feeds the tokens that finish what was begun, and lets the parser go on. So one pass
finds every error that can be distinguished, and keeps what is sound around them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from protolint.source import Span
from protolint.text.tree import MAX_DEPTH, Block, ListValue, Node, Scalar, SyntaxProblem

__all__ = ["MAX_PROBLEMS", "read"]

#: After so many syntax errors a file is no prototxt, and reading further is useless.
MAX_PROBLEMS = 100

_VALUES = {"STRING", "NUMBER", "IDENTIFIER", "MINUS"}
_BAD_VALUES = {"BAD_STRING", "BAD_NUMBER", "BAD_PLACE"}
_CLOSERS = {"RBRACE": "}", "MORETHAN": ">"}
_NESTING = re.compile(
    r"""
    "(?:[^"\\\n]|\\.)*"? | '(?:[^'\\\n]|\\.)*'? | \#[^\n]* | (?P<open>[{<]) | (?P<close>[}>])
    """,
    re.VERBOSE,
)


class _Builder(Transformer[Token, list[Node]]):
    """Makes the nodes of the tree while lark reduces its rules."""

    def start(self, children: list[Node]) -> list[Node]:
        return children

    def name(self, children: list[Token]) -> Token:
        return children[0]

    def extension(self, children: list[Token]) -> Token:
        return Token("IDENTIFIER", "".join(children), start_pos=children[0].start_pos)

    def scalar(self, children: list[Token]) -> Scalar:
        name, _, *value = _without_separator(children)
        return _scalar(name, _start(name), value)

    def message(self, children: list[Any]) -> Block:
        return _block(children[0], _start(children[0]), _without_separator(children)[-1])

    def list_(self, children: list[Any]) -> ListValue:
        name = children[0]
        opened, *elements, closed = (
            child
            for child in _without_separator(children)[1:]
            if not isinstance(child, Token) or child.type != "COLON"
        )
        items = [
            _block(name, _start(element[0]), element)
            if isinstance(element, _Body)
            else _scalar(name, _start(element[0]), element)
            for element in elements
            if not isinstance(element, Token)
        ]
        colon = isinstance(children[1], Token) and children[1].type == "COLON"
        return ListValue(str(name), _start(name), _start(opened), _end(closed), items, colon=colon)

    def element(self, children: list[Any]) -> Any:
        return children[0] if isinstance(children[0], _Body) else children

    def body(self, children: list[Any]) -> _Body:
        return _Body(children)


class _Body(list[Any]):
    """The opening brace, the fields and the closing brace of a message."""


def _start(token: Token) -> int:
    return token.start_pos or 0


def _end(token: Token) -> int:
    return _start(token) + len(token) if token.end_pos is None else token.end_pos


def _without_separator(children: list[Any]) -> list[Any]:
    last = children[-1]
    separated = isinstance(last, Token) and last.type in ("COMMA", "SEMICOLON")
    return children[:-1] if separated else children


def _scalar(name: Token, start: int, value: list[Token]) -> Scalar:
    return Scalar.of(str(name), start, _start(value[0]), _end(value[-1]), "".join(value))


def _block(name: Token, start: int, body: list[Any]) -> Block:
    block = Block(str(name), start, _start(body[0]))
    block.children.extend(body[1:-1])
    block.end = _end(body[-1])
    block.closed = bool(body[-1])
    return block


class _EveryToken:
    """Keeps the tokens that no rule takes: without it lark would drop them from the lexer."""

    always_accept = ("BAD_STRING", "BAD_NUMBER", "BAD_PLACE", "BAD_BYTE")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


@lru_cache(maxsize=1)
def _parser() -> Lark:
    with open(os.path.join(os.path.dirname(__file__), "grammar.lark"), encoding="utf-8") as file:
        grammar = file.read()
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        transformer=_Builder(),
        postlex=_EveryToken(),
        keep_all_tokens=True,
        maybe_placeholders=False,
        g_regex_flags=re.ASCII,
    )


def read(text: str) -> tuple[list[Node], list[SyntaxProblem]]:
    """Return the top-level nodes of any text, and its syntax problems in file order.

    `text` has one character per byte. Nesting is read to 100 levels; a file that goes
    deeper is read up to there.
    """
    problems: list[SyntaxProblem] = []
    deep = _too_deep(text)
    if deep is not None:
        message = f"nested deeper than {MAX_DEPTH} levels; the rest of the file is not read"
        problems.append(SyntaxProblem(Span(deep, deep + 1), message))
        text = text[:deep]
    recovery = _Recovery(text, quiet_at_end=deep is not None)
    try:
        nodes: Any = _parser().parse(text, on_error=recovery)
    except UnexpectedInput:
        nodes = []
    return nodes, [*recovery.problems, *problems]


def _too_deep(text: str) -> int | None:
    """Return the offset of the first brace that opens level 101, if there is one."""
    depth = 0
    for match in _NESTING.finditer(text):
        if match["open"]:
            depth += 1
            if depth > MAX_DEPTH:
                return match.start()
        elif match["close"]:
            depth = max(0, depth - 1)
    return None


class _Recovery:
    """What lark calls at a token that does not fit: report it, mend the text, go on."""

    def __init__(self, text: str, *, quiet_at_end: bool) -> None:
        self.text = text
        self.problems: list[SyntaxProblem] = []
        self.quiet_at_end = quiet_at_end
        self.last_line = -1

    def __call__(self, error: UnexpectedInput) -> bool:
        if not isinstance(error, UnexpectedToken) or len(self.problems) >= MAX_PROBLEMS:
            return False
        parser, token = error.interactive_parser, error.token
        accepts = _accepted(parser)
        if token.type == "$END":
            self._close_everything(parser, accepts)
            return True
        start = _start(token)
        line = token.line or 0
        if line != self.last_line:
            self.last_line = line
            self.problems.append(
                SyntaxProblem(Span(start, _end(token)), _complaint(token, accepts, self.text))
            )
        if _c_comment(token, self.text):
            # Read on behind the comment, as its writer meant.
            behind = self.text.find("\n", start)
            rest = self.text[start + 1 : behind if behind >= 0 else len(self.text)]
            _skip(parser, rest)
            return True
        for substitute in _mend(token, accepts, self._begins_line(start)):
            try:
                parser.feed_token(substitute)
            except UnexpectedToken:
                break
        return True

    def _begins_line(self, offset: int) -> bool:
        return not self.text[self.text.rfind("\n", 0, offset) + 1 : offset].strip()

    def _close_everything(self, parser: InteractiveParser, accepts: set[str]) -> None:
        """Feed what finishes the last field and closes every open block."""
        end = len(self.text)
        cut_short = self.text.count("\n") + 1 == self.last_line
        if not self.quiet_at_end and not cut_short:
            opened = _innermost_open(self.text)
            what = _expected(accepts) if opened is None else '"}"'
            message = f"expected {what}, found the end of the file"
            self.problems.append(SyntaxProblem(Span(end, end), message, opened=opened))
        while "$END" not in accepts:
            parser.feed_token(_finisher(accepts, end))
            accepts = _accepted(parser)


def _accepted(parser: InteractiveParser) -> set[str]:
    """Return the kinds of token that would fit now."""
    accepted: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
    return accepted


def _skip(parser: InteractiveParser, text: str) -> None:
    """Let the lexer go on behind some text of the current line."""
    state = parser.lexer_thread.state
    if state is not None:
        state.line_ctr.feed(text)


def _token(kind: str, text: str, start: int, end: int) -> Token:
    return Token(kind, text, start_pos=start, end_pos=end)


def _finisher(accepts: set[str], at: int) -> Token:
    """Return a token of no text that brings an unfinished field or block nearer to its end."""
    for kind in ("RBRACE", "MORETHAN", "RSQB", "COLON", "IDENTIFIER", "LBRACE"):
        if kind in accepts:
            return _token(kind, "", at, at)
    raise ValueError(f"nothing finishes {sorted(accepts)}")


def _mend(token: Token, accepts: set[str], begins_line: bool) -> Iterator[Token]:
    """Yield the tokens to read in place of one that does not fit; none drops it."""
    start, end = _start(token), _end(token)
    wants_value = "STRING" in accepts or "NUMBER" in accepts
    is_value = token.type in _VALUES or token.type in _BAD_VALUES
    stand_in = token if token.type in _VALUES else _token("IDENTIFIER", "", start, end)
    if wants_value and is_value and not begins_line:
        yield stand_in
    elif "COLON" in accepts and is_value and not begins_line:
        yield _token("COLON", "", start, start)
        yield stand_in
    elif "RSQB" in accepts and "COMMA" in accepts and is_value and not begins_line:
        yield _token("COMMA", "", start, start)
        yield stand_in
    elif token.type in _CLOSERS and accepts & _CLOSERS.keys():
        (kind,) = accepts & _CLOSERS.keys()
        yield _token(kind, token, start, end)
    elif accepts & {"COLON", "RSQB"} or wants_value:
        # The field stops short: finish it without a value and read the token after it.
        if "COLON" in accepts:
            yield _token("COLON", "", start, start)
        if wants_value or "COLON" in accepts:
            yield _token("IDENTIFIER", "", start, start)
        if "RSQB" in accepts:
            yield _token("RSQB", "", start, start)
        yield token


def _innermost_open(text: str) -> Span | None:
    """Return the last brace that nothing closes."""
    stack: list[int] = []
    for match in _NESTING.finditer(text):
        if match["open"]:
            stack.append(match.start())
        elif match["close"] and stack:
            stack.pop()
    return Span(stack[-1], stack[-1] + 1) if stack else None


def _expected(accepts: set[str]) -> str:
    """Return what the grammar would take, in words."""
    if "COLON" in accepts:
        return '":" or "{"'
    if accepts & {"STRING", "NUMBER"}:
        return "a value"
    if {"COMMA", "RSQB"} <= accepts:
        return '"," or "]"'
    if "LBRACE" in accepts:
        return '"{"'
    closers = [f'"{text}"' for kind, text in _CLOSERS.items() if kind in accepts]
    if "IDENTIFIER" in accepts:
        return " or ".join(["a field name", *closers])
    return " or ".join(closers) or "something else"


def _complaint(token: Token, accepts: set[str], text: str) -> str:
    """Return the message for a token that does not fit: what was expected, what is there."""
    shown = token.encode("latin-1").decode("utf-8", "replace")
    if token.type == "BAD_STRING":
        escape = re.search(r"\\(?![abfnrtv\\?'\"0-7xuU])(.)", token)
        quote = token[0]
        if len(token) > 1 and token[-1] == quote:
            which = f" '\\{escape[1]}'" if escape else ""
            return f"the string holds an escape{which} that text format does not know"
        if _end(token) == len(text):
            return "the file ends in the middle of a string; it may have been cut short"
        return f"the string is not closed on its line: expected {quote}"
    if token.type == "BAD_NUMBER":
        return f"'{shown}' is no number: expected {_expected(accepts)}"
    if _c_comment(token, text):
        return f'comments begin with "#", found "{text[_start(token) :][:2]}"'
    if token.type == "BAD_BYTE" and not " " < token < "\x7f":
        return _bad_byte(token, text[_start(token) :][:4])
    if token.type == "BAD_PLACE":
        return f"'{shown}' is a place in a template: expected {_expected(accepts)}"
    found = shown if len(shown) <= 40 else f"{shown[:37]}..."
    if not found.startswith(('"', "'")):
        found = f'"{found}"'
    return f"expected {_expected(accepts)}, found {found}"


def _c_comment(token: Token, text: str) -> bool:
    return text.startswith(("//", "/*"), _start(token))


def _bad_byte(token: Token, following: str) -> str:
    found = f"byte 0x{ord(token):02X}"
    if not token.isascii():
        character = following.encode("latin-1").decode("utf-8", "replace")[0]
        if character != "\N{REPLACEMENT CHARACTER}":
            found = f"'{character}'"
    return f"only ASCII text may stand outside strings and comments, found {found}"
