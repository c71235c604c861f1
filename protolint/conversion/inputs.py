"""Which file is what by its content, and where each result goes."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from protolint.caffe.registry import DIALECTS
from protolint.errors import InputError, UsageError
from protolint.weights.kinds import FileKind, recognise
from protolint.workspace.reading import Readings
from protolint.workspace.workspace import Workspace

__all__ = ["Input", "output_paths", "read_inputs"]


class Input(NamedTuple):
    """One file to convert; `readings` is the parsed text of a prototxt."""

    path: str
    kind: FileKind
    readings: Readings | None = None


def read_inputs(paths: Sequence[str], workspace: Workspace) -> list[Input]:
    """Return the inputs in the order given.

    Raises InputError for a file that cannot be read or is nothing that can be converted,
    UsageError for one that is given twice.
    """
    seen: dict[str, str] = {}
    for path in paths:
        real = os.path.realpath(path) if path != "-" else path
        if real in seen:
            raise UsageError(f"{path}: is given twice (as {seen[real]})")
        seen[real] = path
    return [_read(path, workspace) for path in paths]


def _read(path: str, workspace: Workspace) -> Input:
    if path == "-":
        return _text(path, workspace)
    found = recognise(path)
    if found.kind is FileKind.TEXT:
        return _text(path, workspace)
    if found.description:
        raise InputError(path, f"neither a prototxt nor weights, but {found.description}")
    # Bytes of no known kind are read as a model, which says what is wrong with them.
    return Input(path, found.kind or FileKind.MODEL)


def _text(path: str, workspace: Workspace) -> Input:
    readings = workspace.readings(workspace.source(path))
    if not readings.tree.children and not readings.tree.broken:
        raise InputError(path, "holds no field: there is nothing to convert")
    if not readings.kind.is_text:
        raise InputError(
            path, "neither a net nor a solver; give a prototxt, a caffemodel or a solverstate"
        )
    return Input(path, readings.kind, readings)


_DIALECT_SUFFIX = re.compile(r"\.(?:" + "|".join(map(re.escape, DIALECTS)) + r")$")
_EXTENSION = re.compile(r"(\.(?:caffemodel|solverstate))?\.[A-Za-z0-9]+$")


def output_paths(
    inputs: Sequence[Input], target: str, output: str | None, *, in_place: bool
) -> list[str]:
    """Where each input's result goes: "-" for standard output; raises UsageError.

    Without `output` beside the source, as NAME.<dialect>.<ext>; a folder keeps the names.
    """
    if in_place:
        if output is not None:
            raise UsageError("--in-place and -o exclude each other")
        if any(entry.path == "-" for entry in inputs):
            raise UsageError("standard input cannot be changed in place")
        return [entry.path for entry in inputs]
    if output is None:
        return ["-" if entry.path == "-" else _beside(entry.path, target) for entry in inputs]
    if output == "-":
        if len(inputs) != 1 or not inputs[0].kind.is_text:
            raise UsageError("only a single prototxt can be written to standard output")
        return ["-"]
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return _in_folder(inputs, output)
    if len(inputs) != 1:
        raise UsageError(f"-o {output}: several results need a folder; write it as {output}/")
    return [output]


def _beside(path: str, target: str) -> str:
    """NAME.<dialect>.<ext>, without the dialect that an earlier conversion put there."""
    found = _EXTENSION.search(path)
    stem, extension = (path[: found.start()], found.group()) if found else (path, "")
    stem = _DIALECT_SUFFIX.sub("", stem)
    return f"{stem}.{target}{extension}"


def _in_folder(inputs: Sequence[Input], folder: str) -> list[str]:
    """Return the same names in another folder."""
    if any(entry.path == "-" for entry in inputs):
        raise UsageError("standard input has no name to keep in a folder; give -o a file's name")
    paths = [os.path.join(folder, os.path.basename(entry.path)) for entry in inputs]
    if len(set(paths)) != len(paths):
        raise UsageError(f"-o {folder}: two of the files have the same name")
    return paths
