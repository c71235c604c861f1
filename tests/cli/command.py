"""Running the command line: in this process, or as one of its own where that is the point."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import protolint.cli

CLEAN = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 } } }\n'
FAULTY = 'layer { name: "i" type: "Inptu" top: "x" }\n'


class Done(NamedTuple):
    """What a run of the command line gave."""

    returncode: int
    stdout: str
    stderr: str


def run(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> Done:
    """Run the command line in this process; a fault of protolint's own is raised."""
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    read = io.TextIOWrapper(io.BytesIO(stdin), encoding=encoding)
    streams = [
        io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", newline="\n")
        for _ in range(2)
    ]
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "stdin", read),
        mock.patch.object(sys, "stdout", streams[0]),
        mock.patch.object(sys, "stderr", streams[1]),
        inside(cwd),
    ):
        code = protolint.cli.exit_code_of([str(argument) for argument in arguments])
        written = []
        for stream in streams:
            stream.flush()
            assert isinstance(stream.buffer, io.BytesIO)
            written.append(stream.buffer.getvalue().decode(encoding))
    return Done(code, *written)


@contextlib.contextmanager
def inside(folder: Path | None) -> Iterator[None]:
    """Work in a folder for a while."""
    before = Path.cwd()
    if folder is not None:
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def process(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> Done:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        timeout=120,
    )
    decoded = (done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in decoded[1], decoded[1]
    return Done(done.returncode, *decoded)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file, and the folders above it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
