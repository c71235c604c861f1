"""What an upgrade gives: edits, and what they could not carry over."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.edit import Edit
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.tree import Node

__all__ = ["Loss", "Upgraded", "refusal"]


class Loss(NamedTuple):
    """What an upgrade drops, as Caffe's does ("continuing anyway"): where it is, and why."""

    node: Node
    message: str


class Upgraded(NamedTuple):
    """The edits that bring a text to the current form, and what they drop.

    `forms` are the old forms found, in words; none where the file is current.
    """

    edits: Sequence[Edit]
    losses: tuple[Loss, ...] = ()
    forms: tuple[str, ...] = ()


def refusal(source: Source, place: Node | Span, message: str) -> InputError:
    """Return the error about a file that Caffe refuses to upgrade."""
    line, column = source.position(place.start)
    return InputError(source.path, f"line {line}, column {column}: {message}")
