"""Compiling a user's own caffe.proto, with the protoc that grpcio-tools carries."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from protolint.errors import InputError, UsageError

__all__ = ["compile_proto"]

#: What protoc and its logging print of what is no error.
_WARNING = re.compile(r": warning: |^\[libprotobuf (?:WARNING|INFO)|^W(?:ARNING:|\d{4} )")
#: How many lines of its errors are shown, and how many folders above a file are looked in.
_MOST, _ROOTS = 5, 3


def compile_proto(path: str) -> bytes:
    """Return the serialised FileDescriptorSet of a .proto file.

    Raises UsageError where grpcio-tools is missing and InputError, with protoc's own
    words, where the file cannot be read or compiled.
    """
    try:
        from grpc_tools import protoc
    except ImportError:
        raise UsageError(
            "--proto needs the protocol buffer compiler: pip install 'protolint-caffe[proto]'"
        ) from None
    if not os.path.isfile(path):
        raise InputError(path, "no such file; --proto takes a caffe.proto")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "set.binpb"
        include = str(files("grpc_tools").joinpath("_proto"))
        with _captured_stderr() as printed:
            status = protoc.main(
                [
                    "protoc",
                    *(f"--proto_path={folder}" for folder in _roots(path)),
                    f"--proto_path={include}",
                    "--include_imports",
                    f"--descriptor_set_out={target}",
                    str(Path(path).resolve()),
                ]
            )
        if status != 0:
            lines = [line for line in printed.getvalue().splitlines() if not _WARNING.search(line)]
            raise InputError(path, "\n  ".join(lines[:_MOST]) or "protoc could not compile it")
        return target.read_bytes()


def _roots(path: str) -> list[Path]:
    """Return where imports are looked for: the folder of a file, and those above it.

    A Caffe imports its own files as "caffe/proto/...", from its folder `src`.
    """
    folder = Path(path).resolve().parent
    return [folder, *folder.parents[:_ROOTS]]


@contextlib.contextmanager
def _captured_stderr() -> Iterator[io.StringIO]:
    """Capture what the C++ compiler prints to the process's own stderr."""
    printed = io.StringIO()
    with tempfile.TemporaryFile() as sink:
        kept = os.dup(2)
        try:
            os.dup2(sink.fileno(), 2)
            yield printed
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            sink.seek(0)
            printed.write(sink.read().decode("utf-8", "replace"))
