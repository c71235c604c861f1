"""Writing a changed copy of a file: what stays is copied byte for byte, never decoded.

A plan is a list of pieces: a range of the source, new bytes, or values made while
writing. Lengths of the messages around a change are recomputed; nothing else is
touched, so fields of other forks survive and the size of the file does not matter.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from errno import EFAULT
from io import FileIO
from threading import Lock, Thread

from protolint.errors import InputError
from protolint.files import ANYWHERE, AtomicFile, check_target, signals_wait
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.files import (
    Copy,
    FileState,
    Generated,
    Piece,
    ReadAt,
    file_state,
    open_regular,
)
from protolint.weights.index import Generation, LayerEntry, ModelIndex
from protolint.wire import LENGTH, encode_varint, tag

__all__ = [
    "Change",
    "Copy",
    "Generated",
    "Piece",
    "ReadAt",
    "Splicing",
    "changed_layer",
    "message",
    "size_of",
    "spliced",
    "whole_file",
    "write_spliced",
]

# What is copied at once, so much that a thread that computes meanwhile is seldom waited for.
_PART_BYTES = 8 << 20
# What is mapped to be copied; less is read sooner.
_MAPPED_BYTES = 1 << 20
# Ranges that keep their place in a page are for the kernel, which may even share them; all
# others it would take page by page in halves, so they are written from a mapping.
_PAGE_BYTES = 4096
# How long a thread that computes may keep one that writes from its next part.
_SWITCH_SECONDS = 0.0002


class Change(NamedTuple):
    """Replace the bytes `start` to `end` (not included) of the source by `pieces`."""

    start: int
    end: int
    pieces: tuple[Piece, ...]


def size_of(pieces: Iterable[Piece]) -> int:
    """How many bytes the pieces make."""
    total = 0
    for piece in pieces:
        if isinstance(piece, Copy):
            total += piece.end - piece.start
        else:
            total += piece.length if isinstance(piece, Generated) else len(piece)
    return total


def message(number: int, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return a length-delimited field around the pieces."""
    return (tag(number, LENGTH) + encode_varint(size_of(pieces)), *pieces)


def spliced(span: Span, changes: Iterable[Change]) -> list[Piece]:
    """Return the bytes of `span` with every change made.

    Changes at one offset keep their order. Raises ValueError where two overlap or one
    leaves the span.
    """
    pieces: list[Piece] = []
    at = span.start
    for change in sorted(changes, key=lambda change: change[:2]):
        if change.start < at or change.end < change.start or change.end > span.end:
            raise ValueError(f"change {change.start}..{change.end} overlaps or is out of range")
        pieces += (Copy(at, change.start), *change.pieces)
        at = change.end
    pieces.append(Copy(at, span.end))
    return _merged(pieces)


def changed_layer(layer: LayerEntry, changes: Iterable[Change]) -> Change:
    """Return the change that makes `changes` inside one layer and corrects its lengths."""
    outside = list(changes)
    if layer.generation is Generation.V0:
        for shell in layer.fields:
            inside = [
                change
                for change in outside
                if shell.number == Generation.V0.value
                and shell.value <= change.start < shell.end
                and change.end <= shell.end
            ]
            if inside:
                inner = spliced(Span(shell.value, shell.end), inside)
                outside = [change for change in outside if change not in inside]
                outside.append(Change(shell.start, shell.end, message(shell.number, inner)))
    number = (Generation.CURRENT if layer.generation is Generation.CURRENT else Generation.V1).value
    return Change(*layer.field, message(number, spliced(layer.payload, outside)))


def whole_file(index: ModelIndex, changes: Iterable[Change]) -> list[Piece]:
    """Return the plan for a whole file; without changes it is one copy of everything."""
    return spliced(Span(0, index.size), changes)


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Return the same bytes in fewer pieces: adjacent ranges and adjacent bytes joined."""
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Copy) and isinstance(last, Copy) and last.end == piece.start:
            result[-1] = Copy(last.start, piece.end)
        elif isinstance(piece, bytes) and isinstance(last, bytes):
            result[-1] = last + piece
        elif size_of((piece,)):
            result.append(piece)
    return result


def write_spliced(
    source: str,
    target: str,
    pieces: Sequence[Piece],
    *,
    state: FileState | None = None,
    verify: Callable[[str], None] | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a plan over `source` to `target` and return the bytes written.

    `state` is that of the index the plan was made from: a source changed since is
    refused. `verify` gets the path of the finished temporary file, and whatever it
    raises ends the writing. `in_place` allows the target to be the source, `overwrite`
    to be another existing file. `progress` gets the bytes written so far.

    Raises UsageError for a target that must not be written, InputError for a source
    that cannot be read or a target that cannot be written. Then nothing has changed.
    """
    check_target(source, target, in_place=in_place, overwrite=overwrite)
    with AtomicFile(target, source) as output:
        with Splicing(source, output, pieces, state) as work:
            written = work.finish(progress)
        output.finish()
        if verify is not None:
            verify(output.path)
        output.publish(replace=in_place or overwrite)
    return written


class Splicing:
    """A plan over a file that is written into an open one, from now on by a thread of its own.

    Use in a `with` block, and `finish` it there. The arguments are those of write_spliced.
    """

    def __init__(
        self,
        path: str,
        output: AtomicFile,
        pieces: Sequence[Piece],
        state: FileState | None = None,
    ) -> None:
        self.path, self.output, self.state = path, output, state
        self.size = size_of(pieces)
        self._parts = _parts(pieces)
        self._lock = Lock()
        self._makes = any(isinstance(piece, Generated) for piece in pieces)
        self._helper = Thread(target=self._help)
        #: Of the helper.
        self._error: BaseException | None = None
        #: Where what was begun last goes.
        self._at = 0
        self._interval = sys.getswitchinterval()
        if len(pieces) > 1:  # The kernel may share all of one.
            output.expect(self.size)

    def __enter__(self) -> Splicing:
        if self.size > _PART_BYTES and ANYWHERE:
            # Whoever computes meanwhile would keep it waiting for 5 ms at every part.
            sys.setswitchinterval(_SWITCH_SECONDS)
            with suppress(RuntimeError):  # A browser has no threads.
                self._helper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts = iter(())
        self._join()

    def finish(self, progress: Callable[[int], None] | None = None) -> int:
        """Help to write what is left and return the bytes written in all."""
        if self._makes or self._helper.ident is None:
            self._do(progress)
        # Two who only copy would wait for each other: one at a time writes into a file.
        while self._helper.is_alive():
            self._helper.join(0.1)
            if progress is not None:
                progress(self._at)
        self._join()
        if self._error is not None:
            raise self._error
        if progress is not None:
            progress(self.size)
        return self.size

    def _join(self) -> None:
        sys.setswitchinterval(self._interval)
        if self._helper.ident is not None:
            with signals_wait():
                self._helper.join()

    def _help(self) -> None:
        """Do what a second thread does."""
        try:
            self._do()
        except BaseException as error:
            self._error, self._parts = error, iter(())

    def _do(self, progress: Callable[[int], None] | None = None) -> None:
        """Write one part after another until there are no more."""
        with open_regular(self.path) as file:
            source = _Source(self.path, file)
            source.check(self.state)
            while True:
                with self._lock:
                    at, piece = next(self._parts, (0, None))
                if piece is None:
                    break
                self._at = at
                if progress is not None:
                    progress(at)
                self._write(source, piece, at)
                self.output.begin(at, at + size_of((piece,)))
            source.check(self.state)

    def _write(self, source: _Source, piece: Piece, at: int) -> None:
        """Write a piece to its place, by the kernel where that is faster and as far as it can."""
        data: bytes | memoryview
        if isinstance(piece, Copy):
            start, end = piece
            if (start - at) % _PAGE_BYTES == 0:
                copied = self.output.copy_from(source.file, start, end, at)
                start, at = start + copied, at + copied
            mapped = end - start >= _MAPPED_BYTES
            data = source.view(start, end) if mapped else source.read_at(start, end - start)
        elif isinstance(piece, Generated):
            data = piece.make(source.read_at)
            if len(data) != piece.length:
                raise ValueError(f"a piece of {piece.length} bytes made {len(data)}")
        else:
            data = piece
        try:
            self.output.write(data, at)
        except InputError as error:
            cause = error.__cause__
            if isinstance(piece, Copy) and isinstance(cause, OSError) and cause.errno == EFAULT:
                raise source.cut_short(piece.end) from None
            raise


class _Source:
    """The open source of a plan, and its path for messages."""

    def __init__(self, path: str, file: FileIO) -> None:
        self.path, self.file = path, file
        self._buffer = bytearray()

    def check(self, state: FileState | None) -> None:
        """Refuse a file that is not the one the plan was made for."""
        if state is not None and file_state(self.path, self.file.fileno()) != state:
            raise InputError(self.path, "has changed since it was read; start again")

    def read_at(self, offset: int, size: int) -> memoryview:
        """Exactly `size` bytes, which last until more are read; raises InputError."""
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        found = memoryview(self._buffer)[:size]
        rest = found
        try:
            self.file.seek(offset)
            while rest:
                more = self.file.readinto(rest)
                if not more:
                    raise self.cut_short(offset + size)
                rest = rest[more:]
        except OSError as error:
            raise InputError(self.path, f"cannot be read: {error.strerror or error}") from error
        return found

    def view(self, start: int, end: int) -> memoryview:
        """Map the bytes from `start` to `end`, as long as the result lasts; raises InputError.

        All pages are there at once: to fetch each when it is written takes twice as long.
        """
        first = start - start % mmap.ALLOCATIONGRANULARITY
        length, file = end - first, self.file.fileno()
        try:
            if sys.platform == "linux":
                flags = mmap.MAP_SHARED | mmap.MAP_POPULATE
                found = mmap.mmap(file, length, flags, mmap.PROT_READ, offset=first)
            else:
                found = mmap.mmap(file, length, access=mmap.ACCESS_READ, offset=first)
        except ValueError:
            raise self.cut_short(end) from None
        except OSError as error:
            raise InputError(self.path, f"cannot be read: {error.strerror or error}") from error
        return memoryview(found)[start - first :]

    def cut_short(self, end: int) -> InputError:
        """Return the error of a file that somebody has shortened."""
        return InputError(self.path, f"ends before byte {end}; start again")


def _parts(pieces: Iterable[Piece]) -> Iterator[tuple[int, Piece | None]]:
    """Yield the pieces with their places, long ranges in parts."""
    at = 0
    for piece in pieces:
        if isinstance(piece, Copy):
            for start in range(piece.start, piece.end, _PART_BYTES):
                yield at + start - piece.start, Copy(start, min(start + _PART_BYTES, piece.end))
        else:
            yield at, piece
        at += size_of((piece,))
