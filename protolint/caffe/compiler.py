"""Compiling a user's own caffe.proto, with the protoc that grpcio-tools carries."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from protolint.errors import InputError, UsageError

__all__ = ["compile_proto"]


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
                    f"--proto_path={Path(path).resolve().parent}",
                    f"--proto_path={include}",
                    "--include_imports",
                    f"--descriptor_set_out={target}",
                    str(Path(path).resolve()),
                ]
            )
        if status != 0:
            lines = [line for line in printed.getvalue().splitlines() if "warning" not in line]
            raise InputError(path, lines[0] if lines else "protoc could not compile it")
        return target.read_bytes()


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
