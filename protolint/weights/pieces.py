"""The pieces that a changed copy of a file is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, Union

from protolint.record import NamedTuple

__all__ = ["Copy", "Generated", "Piece", "ReadAt"]

#: What it gives lasts until more is read.
ReadAt: TypeAlias = Callable[[int, int], Union[bytes, memoryview]]


class Copy(NamedTuple):
    """Bytes of the source, from `start` to `end` (not included)."""

    start: int
    end: int


class Generated(NamedTuple):
    """`length` bytes made while writing, from what `chunks` reads of the source.

    `chunks` gets a function that reads so many bytes from an offset on, and yields bytes of bounded
    size, which are used before the next ones are made.
    """

    length: int
    chunks: Callable[[ReadAt], Iterator[bytes | memoryview]]


Piece: TypeAlias = bytes | Copy | Generated
