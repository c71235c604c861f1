"""Counts, lists and names, as every message words them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["and_more", "counted", "joined", "listed", "plural", "titled"]


def plural(number: int, noun: str, several: str = "") -> str:
    """Return the noun that goes with a number: `layer` for 1, else `layers`, or `several`."""
    return noun if number == 1 else several or f"{noun}s"


def counted(number: int, noun: str, several: str = "", *, spec: str = "") -> str:
    """Return a number with its noun, as in `1 file`, `2 files` or, by `spec` ",", `1,024 files`."""
    return f"{number:{spec}} {plural(number, noun, several)}"


def and_more(number: int, noun: str = "") -> str:
    """Return what ends a list that leaves out some: ` and 3 more`, ` and 3 channels more` or ""."""
    if number <= 0:
        return ""
    return f" and {counted(number, noun) if noun else number} more"


def listed(names: Sequence[str], most: int) -> str:
    """Return the first names and how many follow: `a, b, c and 3 more` for a `most` of 3."""
    return ", ".join(names[:most]) + and_more(len(names) - most)


def joined(names: Iterable[str]) -> str:
    """Return names joined as in a sentence: `a, b and c`. Raises ValueError if there are none."""
    *head, last = names
    return f"{', '.join(head)} and {last}" if head else last


def titled(name: str, type: str = "") -> str:
    """Return what a message calls a layer: its name, or `(ReLU without a name)`."""
    return name or f"({type or 'layer'} without a name)"
