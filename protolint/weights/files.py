"""The files weights are read from, mapped and never read whole, and the pieces of new ones."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from stat import S_ISREG
from typing import TypeAlias, Union

from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.wire import Buffer

__all__ = [
    "Copy", "FileState", "Generated", "Piece", "ReadAt", "file_state", "mapped", "open_regular",
]  # fmt: skip


#: What it gives lasts until more is read.
ReadAt: TypeAlias = Callable[[int, int], Union[bytes, memoryview]]


class Copy(NamedTuple):
    """Bytes of the source, from `start` to `end` (not included)."""

    start: int
    end: int


class Generated(NamedTuple):
    """`length` bytes, not many, made while writing from what `make` reads from an offset on.

    Two pieces may be made at the same time.
    """

    length: int
    make: Callable[[ReadAt], bytes | memoryview]


Piece: TypeAlias = bytes | Copy | Generated


class FileState(NamedTuple):
    """The values that show whether a file is still the one that was read before."""

    device: int
    inode: int
    size: int
    modified_ns: int


def file_state(path: str, descriptor: int) -> FileState:
    """Return the state of an open file; raises InputError if it is no regular file."""
    status = os.fstat(descriptor)
    if not S_ISREG(status.st_mode):
        raise InputError(path, "is not a regular file; give the file itself")
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def open_regular(path: str) -> FileIO:
    """Return a regular file opened for unbuffered reading; raises InputError for anything else."""
    try:
        file = FileIO(path, "r", opener=_opener)
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from error
    try:
        file_state(path, file.fileno())
    except InputError:
        file.close()
        raise
    return file


def _opener(path: str, flags: int) -> int:
    """Open without waiting for a writer, so that a FIFO is refused instead of hanging."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def mapped(path: str) -> Iterator[tuple[Buffer, FileState]]:
    """Return the bytes of a regular file without reading them, and its state; raises InputError.

    The buffer is valid inside the `with` block only. A file that somebody shortens
    while it is mapped ends the process, as with any mapping.
    """
    with open_regular(path) as file:
        state = file_state(path, file.fileno())
        if state.size == 0:
            # An empty file cannot be mapped.
            yield b"", state
            return
        try:
            data = mmap.mmap(file.fileno(), state.size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise InputError(path, f"cannot be read: {error.strerror or error}") from error
        try:
            yield data, state
        finally:
            # Where something fails, its traceback may keep an array over the file.
            with suppress(BufferError):
                data.close()
