"""From the paths a user gives to the files to check, and their bytes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator

from protolint.errors import ConfigError, InputError, UsageError
from protolint.source import Source
from protolint.weights.kinds import (
    OTHER_WEIGHTS,
    has_zero_bytes,
    is_hdf5,
    is_utf16,
    named_as_net,
    named_as_other_weights,
    named_as_schema,
)

__all__ = ["MAX_BYTES", "NotTextError", "find_files", "read_source", "read_text"]

#: A prototxt is text written by people or their scripts: the largest known are 1 MB.
MAX_BYTES = 32 * 1024 * 1024

#: Folders that tools make; a net in one has to be named.
_MADE = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages"})


class NotTextError(InputError):
    """A file that cannot be a prototxt: it is binary, or too large."""


def find_files(path: str, report: Callable[[InputError], None] | None = None) -> Iterator[str]:
    """Yield the path itself, or every *.prototxt below a folder in a fixed order.

    Raises InputError where there is no such path. Folders that cannot be listed are left
    out, and reported to `report`.
    """

    def unlisted(error: OSError) -> None:
        if report is not None:
            report(InputError(error.filename, f"cannot be listed: {error.strerror}"))

    if path == "-":
        yield path
        return
    if os.path.isdir(path):
        for folder, folders, names in os.walk(path, onerror=unlisted):
            folders[:] = sorted(name for name in folders if not _left_out(folder, name))
            yield from (
                os.path.normpath(os.path.join(folder, name))
                for name in sorted(names)
                if named_as_net(name) and _is_readable(os.path.join(folder, name))
            )
        return
    if named_as_schema(path):
        raise UsageError(
            f"{path}: a .proto file is a schema, and protolint checks Caffe's .prototxt nets; the "
            "linter for .proto files is another tool of the same name (yoheimuta/protolint). "
            "To use the file as your Caffe's schema: protolint check --proto"
            f" {path} NET.prototxt"
        )
    if not os.path.exists(path):
        raise InputError(path or "''", "no such file or folder")
    yield path


def _is_readable(path: str) -> bool:
    """Whether a name in a folder is that of a file, or of nothing; reading a pipe never ends."""
    return os.path.isfile(path) or not os.path.exists(path)


def _left_out(folder: str, name: str) -> bool:
    """Whether a folder holds what tools make: hidden, built, installed, a virtual environment."""
    if name.startswith(".") or name in _MADE:
        return True
    return os.path.isfile(os.path.join(folder, name, "pyvenv.cfg"))


def read_source(path: str, shown: str | None = None) -> Source:
    """Return the bytes of a file, or of stdin for "-", under the name shown to the user.

    Raises InputError where they cannot be read, and NotTextError where they are too many or
    are not text.
    """
    name = shown or ("<stdin>" if path == "-" else path)
    try:
        data = _read_stdin() if path == "-" else _read_regular(path, name)
    except OSError as error:
        raise InputError(name, f"cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise NotTextError(name, f"over {MAX_BYTES >> 20} MiB; this is no prototxt")
    if has_zero_bytes(data):
        if named_as_other_weights(name):
            raise NotTextError(name, OTHER_WEIGHTS)
        if is_utf16(data):
            raise NotTextError(name, "text in UTF-16, which no Caffe reads: save it as UTF-8")
        what = "an HDF5 file" if is_hdf5(data) else "a binary file, perhaps a caffemodel"
        raise NotTextError(name, f"{what}, not text; a prototxt file is wanted here")
    return Source(name, data)


def read_text(path: str, most: int, what: str) -> str:
    """Return the text of a settings file. Raises ConfigError where it is no such file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ConfigError(f"{path}: {what} is not a regular file")
        with open(path, "rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise ConfigError(f"{path}: {what} is of over {most >> 20} MiB")
        return data.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {what} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: {what} is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from None


def _read_stdin() -> bytes:
    if sys.stdin is None:  # `<&-`
        raise InputError("<stdin>", "standard input is closed")
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _read_regular(path: str, name: str) -> bytes:
    info = os.stat(path)
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISFIFO(info.st_mode):
        raise InputError(name, "not a regular file")
    if info.st_size > MAX_BYTES:
        size = info.st_size / (1 << 20)
        raise NotTextError(
            name, f"{size:.0f} MiB; a prototxt is text of at most {MAX_BYTES >> 20} MiB"
        )
    with open(path, "rb") as file:
        return file.read()
