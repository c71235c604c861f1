"""The complete reader: any text, by the grammar, going on after errors.

The parser says where a token does not fit and what would; what is here reports it, feeds
the tokens that finish what was begun, and lets the parser go on. So one pass finds every
error that can be distinguished, and keeps what is sound around them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

from protolint.source import Span
from protolint.text.parser import END, Parser, Token
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


class _Body(list[Any]):
    """The opening brace, the fields and the closing brace of a message."""


def _name(parts: list[Token]) -> Token:
    """Return a name, or that of an extension in brackets."""
    return parts[0]._replace(text="".join(part.text for part in parts))


def _scalar_field(parts: list[Token]) -> Scalar:
    name, _, *value = parts
    return _scalar(name, name.start, value)


def _message_field(parts: list[Any]) -> Block:
    return _block(parts[0], parts[0].start, parts[-1])


def _list_field(parts: list[Any]) -> ListValue:
    name, *rest = parts
    colon = rest[0].kind == "COLON"
    opened, *elements, closed = rest[colon:]
    items = [
        _block(name, element[0].start, element)
        if isinstance(element, _Body)
        else _scalar(name, element[0].start, element)
        for element in elements
        if not isinstance(element, Token)
    ]
    return ListValue(name.text, name.start, opened.start, closed.end, items, colon=colon)


def _element(parts: list[Any]) -> Any:
    return parts[0] if isinstance(parts[0], _Body) else parts


def _scalar(name: Token, start: int, value: list[Token]) -> Scalar:
    raw = "".join(token.text for token in value)
    return Scalar.of(name.text, start, value[0].start, value[-1].end, raw)


def _block(name: Token, start: int, body: list[Any]) -> Block:
    block = Block(name.text, start, body[0].start)
    block.children.extend(body[1:-1])
    block.end = body[-1].end
    block.closed = bool(body[-1].text)
    return block


_BUILDERS: dict[str, Callable[[list[Any]], Any]] = {
    "start": list,
    "field": itemgetter(0),
    "name": _name,
    "scalar": _scalar_field,
    "message": _message_field,
    "list": _list_field,
    "element": _element,
    "body": _Body,
}


def read(text: str) -> tuple[list[Node], list[SyntaxProblem]]:
    """Return the top-level nodes of any text, and its syntax problems in file order.

    `text` has one character per byte. Nesting is read to 100 levels; a file that goes
    deeper is read up to there.
    """
    opened = _open_braces(text)
    if len(opened) <= MAX_DEPTH:
        recovery = _Recovery(text, opened)
        return recovery.nodes(), recovery.problems
    deep = opened[-1]
    recovery = _Recovery(text[:deep], None)
    message = f"nested deeper than {MAX_DEPTH} levels; the rest of the file is not read"
    return recovery.nodes(), [*recovery.problems, SyntaxProblem(Span(deep, deep + 1), message)]


def _open_braces(text: str) -> list[int]:
    """Return the braces that nothing closes; the last one may be the first of level 101."""
    stack: list[int] = []
    for match in _NESTING.finditer(text):
        if match["open"]:
            stack.append(match.start())
            if len(stack) > MAX_DEPTH:
                break
        elif match["close"] and stack:
            stack.pop()
    return stack


class _Recovery:
    """Reads a text, and reports and mends each token that does not fit.

    `opened` are the braces that nothing closes, None where the text has been cut behind them.
    """

    def __init__(self, text: str, opened: list[int] | None) -> None:
        self.text = text
        self.opened = opened
        self.problems: list[SyntaxProblem] = []
        self.parser = Parser(text, _BUILDERS)
        #: The line end before the last problem.
        self.last_line: int | None = None

    def nodes(self) -> list[Node]:
        """Return the top-level nodes; none where the text is too broken."""
        parser = self.parser
        while True:
            token = parser.next()
            if not parser.feed(token):
                if len(self.problems) >= MAX_PROBLEMS:
                    return []
                self._mend(token)
            elif token.kind == END:
                found: list[Node] = parser.result
                return found

    def _mend(self, token: Token) -> None:
        """Report a token that does not fit, and bring the parser to where reading goes on."""
        parser, start = self.parser, token.start
        accepts = parser.accepted()
        if token.kind == END:
            self._close_everything(accepts)
            return
        line = self.text.rfind("\n", 0, start)
        if line != self.last_line:
            self.last_line = line
            self.problems.append(
                SyntaxProblem(Span(start, token.end), _complaint(token, accepts, self.text))
            )
        if _c_comment(token, self.text):
            # Read on behind the comment, as its writer meant.
            behind = self.text.find("\n", start)
            parser.at = behind if behind >= 0 else len(self.text)
            return
        for substitute in _mended(token, accepts, not self.text[line + 1 : start].strip()):
            if not parser.feed(substitute):
                break

    def _close_everything(self, accepts: set[str]) -> None:
        """Feed what finishes the last field and closes every open block."""
        end = len(self.text)
        cut_short = self.text.rfind("\n") == self.last_line
        if self.opened is not None and not cut_short:
            opened = Span(self.opened[-1], self.opened[-1] + 1) if self.opened else None
            what = _expected(accepts) if opened is None else '"}"'
            message = f"expected {what}, found the end of the file"
            self.problems.append(SyntaxProblem(Span(end, end), message, opened=opened))
        while END not in accepts:
            self.parser.feed(_finisher(accepts, end))
            accepts = self.parser.accepted()


def _finisher(accepts: set[str], at: int) -> Token:
    """Return a token of no text that brings an unfinished field or block nearer to its end."""
    for kind in ("RBRACE", "MORETHAN", "RSQB", "COLON", "IDENTIFIER", "LBRACE"):
        if kind in accepts:
            return Token(kind, "", at, at)
    raise ValueError(f"nothing finishes {sorted(accepts)}")


def _mended(token: Token, accepts: set[str], begins_line: bool) -> Iterator[Token]:
    """Yield the tokens to read in place of one that does not fit; none drops it."""
    start, end = token.start, token.end
    wants_value = "STRING" in accepts or "NUMBER" in accepts
    is_value = token.kind in _VALUES or token.kind in _BAD_VALUES
    stand_in = token if token.kind in _VALUES else Token("IDENTIFIER", "", start, end)
    if wants_value and is_value and not begins_line:
        yield stand_in
    elif "COLON" in accepts and is_value and not begins_line:
        yield Token("COLON", "", start, start)
        yield stand_in
    elif "RSQB" in accepts and "COMMA" in accepts and is_value and not begins_line:
        yield Token("COMMA", "", start, start)
        yield stand_in
    elif token.kind in _CLOSERS and accepts & _CLOSERS.keys():
        (kind,) = accepts & _CLOSERS.keys()
        yield token._replace(kind=kind)
    elif accepts & {"COLON", "RSQB"} or wants_value:
        # The field stops short: finish it without a value and read the token after it.
        if "COLON" in accepts:
            yield Token("COLON", "", start, start)
        if wants_value or "COLON" in accepts:
            yield Token("IDENTIFIER", "", start, start)
        if "RSQB" in accepts:
            yield Token("RSQB", "", start, start)
        yield token


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
    shown = token.text.encode("latin-1").decode("utf-8", "replace")
    if token.kind == "BAD_STRING":
        escape = re.search(r"\\(?![abfnrtv\\?'\"0-7xuU])(.)", token.text)
        quote = token.text[0]
        if len(token.text) > 1 and token.text[-1] == quote:
            which = f" '\\{escape[1]}'" if escape else ""
            return f"the string holds an escape{which} that text format does not know"
        if token.end == len(text):
            return "the file ends in the middle of a string; it may have been cut short"
        return f"the string is not closed on its line: expected {quote}"
    if token.kind == "BAD_NUMBER":
        return f"'{shown}' is no number: expected {_expected(accepts)}"
    if _c_comment(token, text):
        return f'comments begin with "#", found "{text[token.start :][:2]}"'
    if token.kind == "BAD_BYTE" and not " " < token.text < "\x7f":
        return _bad_byte(token, text[token.start :][:4])
    if token.kind == "BAD_PLACE":
        return f"'{shown}' is a place in a template: expected {_expected(accepts)}"
    found = shown if len(shown) <= 40 else f"{shown[:37]}..."
    if not found.startswith(('"', "'")):
        found = f'"{found}"'
    return f"expected {_expected(accepts)}, found {found}"


def _c_comment(token: Token, text: str) -> bool:
    return text.startswith(("//", "/*"), token.start)


def _bad_byte(token: Token, following: str) -> str:
    found = f"byte 0x{ord(token.text):02X}"
    if not token.text.isascii():
        character = following.encode("latin-1").decode("utf-8", "replace")[0]
        if character != "\N{REPLACEMENT CHARACTER}":
            found = f"'{character}'"
    return f"only ASCII text may stand outside strings and comments, found {found}"
