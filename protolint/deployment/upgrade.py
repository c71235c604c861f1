"""`protolint.upgrade`: one file of an old generation in the current form, text or binary."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, Union

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT, dialects_of
from protolint.edit import apply_edits
from protolint.errors import InputError, UsageError
from protolint.files import check_target, replace_file
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.upgrading.model import upgrade_model
from protolint.upgrading.text import upgrade_text
from protolint.weights.files import mapped
from protolint.weights.index import ModelIndex, index_file
from protolint.weights.kinds import FileKind, recognise
from protolint.weights.splice import Copy, Piece, size_of, whole_file, write_spliced
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["Upgrade", "upgrade", "upgraded"]

Path: TypeAlias = Union[str, "os.PathLike[str]"]
#: Files whose form has never changed.
_WITHOUT_GENERATIONS = (FileKind.STATE, FileKind.STATE_HDF5, FileKind.MODEL_HDF5)


class Upgrade(NamedTuple):
    """What becomes of one file.

    `source` is a text as it was and `data` as it is, both None for weights; `remarks` say what
    Caffe drops as well. `pieces` and `model` are how weights are written.
    """

    path: str
    changed: bool
    remarks: tuple[str, ...]
    source: Source | None = None
    data: bytes | None = None
    pieces: tuple[Piece, ...] = ()
    model: ModelIndex | None = None

    def write(
        self,
        target: str,
        *,
        in_place: bool = False,
        overwrite: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        """Write the result whole; raises ProtolintError, and then nothing has changed."""
        if in_place and not self.changed:
            return
        if self.data is not None:
            check_target(self.path, target, in_place=in_place, overwrite=overwrite)
            replace_file(target, self.data)
            return
        size = size_of(self.pieces)
        write_spliced(
            self.path,
            target,
            self.pieces,
            state=None if self.model is None else self.model.state,
            verify=None if self.model is None else partial(_check_blobs, self.model),
            in_place=in_place,
            overwrite=overwrite,
            progress=None if progress is None else lambda done: progress(self.path, done, size),
        )


def upgrade(
    path: Path,
    *,
    output: Path | None = None,
    in_place: bool = False,
    force: bool = False,
    target: str | Dialect | None = None,
    proto: Path | None = None,
    isolated: bool = False,
) -> Upgrade:
    """Bring a net, a solver or weights of an old generation to the current form.

    Args:
        path: A prototxt or a binary caffemodel.
        output: A file to write to; without it, and without `in_place`, nothing is written, and
            `data` of the result is the new text.
        in_place: Replace the file itself.
        force: Replace another file that is there already.
        target: The Caffe that reads it; if not given, found as in `check`.
        proto: Your own fork's caffe.proto, to be used as the schema.
        isolated: Read no configuration file.

    Returns:
        What became of it; `changed` says whether anything did.

    Raises:
        ProtolintError: An argument is wrong (UsageError), or Caffe itself would not upgrade the
            file (InputError). Nothing has been written then.
    """
    if in_place and output is not None:
        raise UsageError("in_place and output exclude each other")
    schema = None if proto is None else os.fspath(proto)
    choices = Choices(targets=dialects_of(target), proto=schema, isolated=isolated)
    found = upgraded(Workspace(choices), os.fspath(path))
    if in_place or output is not None:
        to = os.fspath(path if output is None else output)
        found.write(to, in_place=in_place, overwrite=force)
    return found


def upgraded(workspace: Workspace, path: str) -> Upgrade:
    """Return the upgrade of one file; raises InputError."""
    if path != "-" and recognise(path).kind in _WITHOUT_GENERATIONS:
        pieces = (Copy(0, os.path.getsize(path)),)
        return Upgrade(path, False, ("has no older generation",), pieces=pieces)
    source = workspace.source_or_weights(path)
    return _weights(workspace, path) if source is None else _text(workspace, source)


def _text(workspace: Workspace, source: Source) -> Upgrade:
    file = workspace.read(source)
    if not file.kind.is_text and not file.tree.broken:
        raise InputError(source.path, "neither a net nor a solver; there is nothing to upgrade")
    solver = file.kind is FileKind.SOLVER
    found = upgrade_text(file.tree, file.message, file.misfits, file.dialect, is_solver=solver)
    remarks = [f"line {source.line_number(one.node.start)}: {one.message}" for one in found.losses]
    data = apply_edits(source.data, found.edits)
    return Upgrade(source.path, data != source.data, tuple(remarks), source, data)


def _weights(workspace: Workspace, path: str) -> Upgrade:
    chosen = workspace.choices.targets
    index = index_file(path)
    with mapped(path) as (data, _):
        found = upgrade_model(data, index, chosen[0] if chosen else DEFAULT)
    pieces = tuple(whole_file(index, found.changes))
    remarks = tuple(f"{loss}: dropped, as Caffe does" for loss in found.losses)
    return Upgrade(path, bool(found.changes), remarks, pieces=pieces, model=index)


def _check_blobs(before: ModelIndex, path: str) -> None:
    """Raise InputError where a file that was written has not the blobs of its source."""

    def blobs(index: ModelIndex) -> list[tuple[str, list[tuple[int, ...]]]]:
        return [(e.name, [blob.shape for blob in e.blobs]) for e in index.layers if e.blobs]

    if blobs(index_file(path)) != blobs(before):
        raise InputError(before.path, "its upgrade has other blobs; nothing was written")
