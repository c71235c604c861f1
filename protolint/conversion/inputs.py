"""Which file is what, told by its content, and where each result goes."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from protolint.caffe.descriptors import read_schema
from protolint.caffe.dialects import DIALECTS
from protolint.errors import InputError, UsageError
from protolint.weights.files import open_regular
from protolint.weights.recognise import HDF5_SIGNATURE, by_signature
from protolint.wire import LENGTH, VARINT, WireError, WireField, field_at
from protolint.workspace.config import ConfigFinder, Settings
from protolint.workspace.discover import read_source
from protolint.workspace.reading import FileKind, Readings

__all__ = ["Input", "Kind", "output_paths", "read_inputs"]

_HEAD = 4096
_LAYER, _HISTORY = 100, 3
# Text may hold these and nothing else below the blank.
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\v")


class Kind(Enum):
    """What a file is; the value is what messages call it."""

    NET = "prototxt"
    SOLVER = "solver"
    MODEL = "caffemodel"
    MODEL_HDF5 = "HDF5 caffemodel"
    STATE = "solverstate"
    STATE_HDF5 = "HDF5 solverstate"

    @property
    def is_text(self) -> bool:
        """Whether the file is a prototxt."""
        return self in (Kind.NET, Kind.SOLVER)

    @property
    def is_model(self) -> bool:
        """Whether the file holds weights."""
        return self in (Kind.MODEL, Kind.MODEL_HDF5)


_DEFAULTS = Settings()


class Input(NamedTuple):
    """One file to convert; `readings` is the parsed text of a prototxt.

    `settings` are those configured for its folder.
    """

    path: str
    kind: Kind
    readings: Readings | None = None
    settings: Settings = _DEFAULTS


def read_inputs(paths: Sequence[str]) -> list[Input]:
    """The inputs in the order given; raises InputError, or UsageError for one given twice."""
    seen: dict[str, str] = {}
    for path in paths:
        real = os.path.realpath(path) if path != "-" else path
        if real in seen:
            raise UsageError(f"{path}: is given twice (as {seen[real]})")
        seen[real] = path
    finder = ConfigFinder()
    return [_read(path, finder) for path in paths]


def _read(path: str, finder: ConfigFinder) -> Input:
    if path == "-":
        return _text(path, finder)
    if os.path.isdir(path):
        raise UsageError(f"{path}: is a folder; name the files in it")
    with open_regular(path) as file:
        try:
            head = file.read(_HEAD) or b""
            size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise InputError(path, f"cannot be read: {error.strerror or error}") from None
    if not head:
        raise InputError(path, "is empty")
    if head.startswith(HDF5_SIGNATURE):
        return Input(path, _hdf5_kind(path))
    known = by_signature(head)
    if known is not None:
        raise InputError(path, f"neither a prototxt nor weights, but {known}")
    if _is_text(head):
        return _text(path, finder)
    return Input(path, Kind.STATE if _is_state(head, size) else Kind.MODEL)


def _text(path: str, finder: ConfigFinder) -> Input:
    settings = finder.settings_for(os.path.dirname(os.path.realpath(path)))
    schema = read_schema(settings.proto) if settings.proto is not None else None
    readings = Readings.of(read_source(path), settings.build(schema))
    if not readings.tree.children and not readings.tree.broken:
        raise InputError(path, "holds no field: there is nothing to convert")
    if readings.kind is FileKind.OTHER:
        raise InputError(
            path, "neither a net nor a solver; give a prototxt, a caffemodel or a solverstate"
        )
    kind = Kind.NET if readings.kind is FileKind.NET else Kind.SOLVER
    return Input(path, kind, readings, settings)


def _is_text(head: bytes) -> bool:
    """Whether the head of a file is text: the first string of a binary net has a length byte."""
    return not any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head)


def _is_state(head: bytes, size: int) -> bool:
    """Whether a binary file is a SolverState: it begins with `iter`, a number.

    A net begins with its name, a string of the same field number, or with a layer.
    """
    try:
        first = field_at(head, 0, size)
    except (WireError, IndexError):
        return False
    return _begins_state(first)


def _begins_state(first: WireField) -> bool:
    return (first.number, first.wire_type) in ((1, VARINT), (_HISTORY, LENGTH))


def _hdf5_kind(path: str) -> Kind:
    """Which of the two an HDF5 file is."""
    from protolint.conversion.hdf5 import has_history

    return Kind.STATE_HDF5 if has_history(path) else Kind.MODEL_HDF5


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
    """The same names in another folder."""
    if any(entry.path == "-" for entry in inputs):
        raise UsageError("standard input has no name to keep in a folder; give -o a file's name")
    paths = [os.path.join(folder, os.path.basename(entry.path)) for entry in inputs]
    if len(set(paths)) != len(paths):
        raise UsageError(f"-o {folder}: two of the files have the same name")
    return paths
