"""A parser by the tables that lark makes of the grammar: tokens in, what rules make of them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from protolint.record import NamedTuple
from protolint.text.tables import RULES, SPACES, STATES, TOKENS

__all__ = ["END", "Parser", "Token"]

#: The kind of the token behind the last one.
END = "$END"

_STATES = [{kind: to for kinds, to in row.items() for kind in kinds.split()} for row in STATES]


class Token(NamedTuple):
    """A token: its kind, as the grammar calls it, its text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _token() -> re.Pattern[str]:
    kinds = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in TOKENS)
    return re.compile(f"(?:{'|'.join(SPACES)})*(?:{kinds}|)", re.ASCII)


class Parser:
    """A text that is being read from its start.

    `at` is where the next token is looked for. `builders` make something of parts, by the names of
    rules; parts of a rule without one are parts of what takes it.
    """

    def __init__(self, text: str, builders: Mapping[str, Callable[[list[Any]], Any]]) -> None:
        self.at = 0
        self._text = text
        self._builders = builders
        self._states = [0]
        self._values: list[Any] = []

    @property
    def result(self) -> Any:
        """What the whole text is, once its end has been fed."""
        return self._values[0]

    def next(self) -> Token:
        """Return the next token; behind the last one, and again, that of the end."""
        match = _token().match(self._text, self.at)
        assert match is not None
        self.at = match.end()
        kind = match.lastgroup
        if kind is None:
            return Token(END, "", self.at, self.at)
        return Token(kind, match[kind], match.start(kind), self.at)

    def feed(self, token: Token) -> bool:
        """Take a token; False if it does not fit. What is complete before it is built."""
        states, values = self._states, self._values
        while (move := _STATES[states[-1]].get(token.kind)) is not None:
            if move >= 0:
                states.append(move)
                values.append(token)
                return True
            name, size = RULES[~move]
            first = len(values) - size
            values[first:] = [self._built(name, values[first:])]
            del states[first + 1 :]
            states.append(_STATES[states[-1]][name])
        return False

    def accepted(self) -> set[str]:
        """Return the kinds of token that would fit now."""
        kinds = _STATES[self._states[-1]]
        return {kind for kind in kinds if kind.isupper() and self._fits(kind)}

    def _fits(self, kind: str) -> bool:
        trial = Parser("", {})
        trial._states, trial._values = self._states[:], [None] * len(self._values)
        return trial.feed(Token(kind, "", 0, 0))

    def _built(self, name: str, parts: list[Any]) -> Any:
        whole = _Parts()
        for part in parts:
            if type(part) is not _Parts:
                whole.append(part)
            elif whole:
                whole += part
            else:
                whole = part  # What grows by one each time is not copied.
        build = self._builders.get(name)
        return whole if build is None else build([*whole])


class _Parts(list[Any]):
    """What a rule without a builder takes: parts of what is built later."""
