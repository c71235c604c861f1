"""Write ``protolint/text/tables.py``: the parser that lark makes of ``grammar.lark``.

Importing lark and making the tables anew would take longer than checking a large net.

    python scripts/gen_tables.py            write the tables
    python scripts/gen_tables.py --check    change nothing; exit 1 if they are out of date
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from generated import write_or_check
from lark import Lark, Token
from lark.parsers.lalr_analysis import Shift

TEXT = Path(__file__).resolve().parent.parent / "protolint" / "text"
GRAMMAR, TABLES = TEXT / "grammar.lark", TEXT / "tables.py"
_T = TypeVar("_T")

PAGE = '''\
"""The parser of text format, as lark makes it of grammar.lark."""

# Written by scripts/gen_tables.py.
# fmt: off
#: What may stand before tokens, and their kinds in the order in which they are tried.
SPACES = (
{spaces})
TOKENS = (
{tokens})
#: What is made of how many parts.
RULES = (
{rules})
#: In each state of the parser what comes of tokens and nodes: the next state, or for ~N that rule N
#: is complete.
STATES = (
{states})
'''


class _EveryToken:
    """Keeps the tokens that no rule takes: lark would drop them from the lexer."""

    def __init__(self, grammar: str) -> None:
        self.always_accept = re.findall(r"^[A-Z_]+", grammar, re.M)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


def render() -> str:
    """Return the module."""
    grammar = GRAMMAR.read_text("utf-8")
    lark: Any = Lark(
        grammar, parser="lalr", lexer="basic", postlex=_EveryToken(grammar), keep_all_tokens=True,
        maybe_placeholders=False,
    )  # fmt: skip
    lexer = lark.parser.lexer.lexer
    tokens = {token.name: token.pattern.to_regexp() for token in lexer.terminals}
    spaces = [tokens.pop(name) for name in sorted(lexer.ignore_types)]
    rules, states = _automaton(lark.parser.parser._parse_table)
    return PAGE.format(
        spaces=_rows(spaces),
        tokens=_rows(tokens.items()),
        rules=_rows(rules),
        states=_rows(map(_grouped, states)),
    )


def _automaton(table: Any) -> tuple[list[tuple[str, int]], list[dict[str, int]]]:
    """Return rules and states, both in the order in which they are met: lark's differs each time.

    Where lark ends, at what it starts from, another token of the end is taken.
    """
    (first,), (last,) = table.start_states.values(), table.end_states.values()
    met, rows = [first], []
    rules: list[tuple[str, int]] = []
    for state in met:  # More are met on the way.
        row = {}
        for symbol, (action, argument) in sorted(table.states[state].items()):
            if action is Shift:
                row[str(symbol)] = _number(argument, met)
            else:
                rule = str(argument.origin.name), len(argument.expansion)
                row[str(symbol)] = ~_number(rule, rules)
        rows.append(row)
    rows[met.index(last)]["$END"] = met.index(last)
    return rules, _distinct(rows)


def _number(wanted: _T, among: list[_T]) -> int:
    if wanted not in among:
        among.append(wanted)
    return among.index(wanted)


def _distinct(rows: list[dict[str, int]]) -> list[dict[str, int]]:
    """Return the states with one for those that are alike."""
    distinct: list[dict[str, int]] = []
    numbers = [_number(row, distinct) for row in rows]
    if len(distinct) == len(rows):
        return rows
    return _distinct(
        [{kind: move if move < 0 else numbers[move] for kind, move in row.items()}
         for row in distinct]
    )  # fmt: skip


def _grouped(row: dict[str, int]) -> dict[str, int]:
    """Return the row of a state with one key for the kinds of which the same comes."""
    kinds: dict[int, list[str]] = {}
    for kind, move in row.items():
        kinds.setdefault(move, []).append(kind)
    return {" ".join(alike): move for move, alike in kinds.items()}


def _rows(rows: Iterable[object]) -> str:
    return "".join(f"    {row!a},\n" for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables, or check them; return the exit code."""
    return write_or_check(Path(__file__).name, __doc__, {TABLES: render()}, arguments)


if __name__ == "__main__":
    sys.exit(main())
