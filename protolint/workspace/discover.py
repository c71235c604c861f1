"""From the paths a user gives to the files to check, and their bytes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator

from protolint.errors import InputError, UsageError
from protolint.source import Source

__all__ = [
    "MAX_BYTES", "NotTextError", "find_files", "holds_weights", "named_as_weights", "read_source",
]  # fmt: skip

#: A prototxt is text written by people or their scripts: the largest known are 1 MB.
MAX_BYTES = 32 * 1024 * 1024

_OTHERS = (".pt", ".pth", ".safetensors")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_WEIGHTS = (".caffemodel", ".h5", ".hdf5")
#: How a net's name, its layers of either form, and its inputs begin (NetParameter 1, 100, 2, 3).
_NETS = (b"\x0a", b"\xa2\x06", b"\x12", b"\x1a")


class NotTextError(InputError):
    """A file that cannot be a prototxt: it is binary, or too large."""


def find_files(path: str, tell: Callable[[InputError], None] | None = None) -> Iterator[str]:
    """The path itself, or every *.prototxt below a folder in a fixed order.

    Raises InputError where there is no such path. `tell` is told of folders that cannot be
    listed, which are left out.
    """

    def odd(error: OSError) -> None:
        if tell is not None:
            tell(InputError(error.filename, f"cannot be listed: {error.strerror}"))

    if path == "-":
        yield path
        return
    if os.path.isdir(path):
        for folder, folders, names in os.walk(path, onerror=odd):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (
                os.path.normpath(os.path.join(folder, name))
                for name in sorted(names)
                if name.endswith(".prototxt")
            )
        return
    if path.endswith(".proto"):
        raise UsageError(
            f"{path}: a .proto file is a schema, and protolint checks Caffe's .prototxt nets; the "
            "linter for .proto files is another tool of the same name (yoheimuta/protolint). "
            "To use the file as your Caffe's schema: protolint check --proto"
            f" {path} NET.prototxt"
        )
    if not os.path.exists(path):
        raise InputError(path, "no such file or folder")
    yield path


def named_as_weights(path: str) -> bool:
    """Whether a file is weights by its name: *.caffemodel, *.h5, *.hdf5."""
    return path.lower().endswith(_WEIGHTS)


def holds_weights(path: str) -> bool:
    """Whether a file that is no text begins as a caffemodel does, binary or HDF5.

    Zero bytes make an empty model, but where the name is that of a prototxt a broken file.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(len(_HDF5))
    except OSError:
        return False
    empty = head.startswith(b"\0") and not path.lower().endswith((".prototxt", ".txt"))
    return empty or head.startswith((_HDF5, *_NETS))


def read_source(path: str, shown: str | None = None) -> Source:
    """The bytes of a file, or of stdin for "-", under the name shown to the user.

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
    if b"\0" in data[:8192]:
        if name.endswith(_OTHERS):
            told = "weights of another framework: `protolint stats` shows what they say"
            raise NotTextError(name, told)
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise NotTextError(name, "text in UTF-16, which no Caffe reads: save it as UTF-8")
        what = "an HDF5 file" if data.startswith(_HDF5) else "a binary file, perhaps a caffemodel"
        raise NotTextError(name, f"{what}, not text; a prototxt file is wanted here")
    return Source(name, data)


def _read_stdin() -> bytes:
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
