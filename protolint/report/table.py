"""Plain-text tables, as wide as there is room."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from protolint.record import NamedTuple
from protolint.report.style import width
from protolint.shown import shown

__all__ = ["Column", "draw", "room"]

_GAP, _INDENT = "  ", "    "
#: Columns below which text is not squeezed any further, and above which it always wraps: every
#: row is as long as the longest.
_LEAST, _MOST = 8, 120


class Column(NamedTuple):
    """The head of a column.

    Numbers stand at its right; text that `wraps` may take more lines; text that may stand
    `below` its row does so where there is no room beside it.
    """

    title: str
    right: bool = False
    wraps: bool = False
    below: bool = False


def room() -> int | None:
    """Return the columns of the terminal, or those of COLUMNS; None without a limit."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal():
        import shutil

        return shutil.get_terminal_size().columns
    return None


def draw(columns: Sequence[Column], rows: Sequence[Sequence[str]], limit: int | None) -> str:
    """Return the rows under their heads, a line each where they fit into `limit` columns.

    Columns without any text are left out; where there is too little room, the widest that
    may wrap are broken.
    """
    cells = [[shown(cell) for cell in row] for row in rows]
    used = [i for i in range(len(columns)) if any(row[i] for row in cells)]
    widths = {i: max(width(columns[i].title), *(width(row[i]) for row in cells)) for i in used}
    widths = _capped(columns, widths, dict.fromkeys(widths, 0), _MOST)
    beside = used
    if limit is not None and _total(widths) > limit:
        beside = [i for i in used if not columns[i].below]
        widths = _squeezed(columns, cells, {i: widths[i] for i in beside}, limit)
    titles = [column.title for column in columns]
    lines = [
        *_lines(columns, titles, widths),
        _GAP.join("-" * size for size in widths.values()),
    ]
    for row in cells:
        lines += _lines(columns, row, widths)
        for i in used:
            if i not in beside and row[i] and limit is not None:
                size = max(limit - len(_INDENT), _LEAST)
                lines += [_INDENT + line for line in _broken(row[i], size)]
    return "".join(f"{line}\n" for line in lines)


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _squeezed(
    columns: Sequence[Column], cells: list[list[str]], widths: dict[int, int], limit: int
) -> dict[int, int]:
    """Return the widths after cutting the widest that may wrap; words only if needed."""
    words = {
        i: max((width(word) for row in cells for word in row[i].split(" ")), default=0)
        for i in widths
    }
    least = {i: min(_LEAST, widths[i]) for i in widths}
    for floors in (words, least):
        low, high = 0, max(widths.values(), default=0)
        while low < high:
            most = (low + high + 1) // 2
            fits = _total(_capped(columns, widths, floors, most)) <= limit
            low, high = (most, high) if fits else (low, most - 1)
        found = _capped(columns, widths, floors, low)
        if _total(found) <= limit:
            return found
    return found


def _capped(
    columns: Sequence[Column], widths: dict[int, int], floors: dict[int, int], most: int
) -> dict[int, int]:
    return {
        i: min(size, max(most, floors[i])) if columns[i].wraps else size
        for i, size in widths.items()
    }


def _lines(columns: Sequence[Column], row: list[str], widths: dict[int, int]) -> list[str]:
    broken = {i: _broken(row[i], size) for i, size in widths.items()}
    lines = []
    for number in range(max(map(len, broken.values()), default=0)):
        parts = []
        for i, size in widths.items():
            text = broken[i][number] if number < len(broken[i]) else ""
            space = " " * (size - width(text))
            parts.append(space + text if columns[i].right else text + space)
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _broken(text: str, size: int) -> list[str]:
    """Return the text in lines of at most `size` columns: between words, else anywhere."""
    if width(text) <= size:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if width(longer) <= size:
            lines[-1] = longer
            continue
        if not lines[-1]:
            lines.pop()
        lines += _cut(word, size)
    return lines


def _cut(word: str, size: int) -> list[str]:
    pieces, start, used = [], 0, 0
    for i, letter in enumerate(word):
        wide = width(letter)
        if used + wide > size and i > start:
            pieces.append(word[start:i])
            start, used = i, 0
        used += wide
    return [*pieces, word[start:]]
