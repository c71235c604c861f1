"""protolint upgrade: files of old generations in the current form."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import DEFAULT
from protolint.cli.common import common_options
from protolint.cli.options import PathType, TargetType
from protolint.cli.progress import progress_bar
from protolint.cli.results import BinaryResult, Manners, Result, TextResult, result_options
from protolint.edit import apply_edits
from protolint.errors import InputError
from protolint.source import Source
from protolint.weights.kinds import FileKind, recognise
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.weights.index import ModelIndex

__all__ = ["command"]


@click.command("upgrade", epilog="Example: protolint upgrade --in-place train.prototxt")
@click.argument("paths", nargs=-1, required=True, type=PathType(), metavar="FILES...")
@click.option(
    "--target", type=TargetType(), help="The Caffe that reads them: bvlc, nvidia-0.17, ..."
)
@result_options
@common_options
def command(
    paths: tuple[str, ...], target: Dialect | None, manners: Manners, choices: Choices
) -> int:
    """Bring nets, solvers and weights of old generations to the current form.

    V0 and V1 layers, input fields, old data transformations and solver types become what
    Caffe's own upgrade makes of them. Comments stay, byte for byte.

    Exit code: 0 done, 1 files would change (--check), 2 a file cannot be upgraded.
    """
    chosen = () if target is None else (target,)
    workspace = Workspace(choices._replace(targets=chosen))
    return manners.each(paths, lambda path: _upgraded(workspace, path))


def _upgraded(workspace: Workspace, path: str) -> Result:
    """Return the upgrade of one file; raises InputError."""
    if path != "-" and recognise(path).kind in _WITHOUT_GENERATIONS:
        return BinaryResult(path, False, partial(_copy, path), ("has no older generation",))
    source = workspace.source_or_weights(path)
    return (
        _upgraded_weights(workspace, path) if source is None else _upgraded_text(workspace, source)
    )


def _upgraded_text(workspace: Workspace, source: Source) -> TextResult:
    from protolint.upgrading.text import upgrade_text

    file = workspace.read(source)
    if not file.kind.is_text and not file.tree.broken:
        raise InputError(source.path, "neither a net nor a solver; there is nothing to upgrade")
    solver = file.kind is FileKind.SOLVER
    found = upgrade_text(file.tree, file.message, file.misfits, file.dialect, is_solver=solver)
    remarks = []
    for loss in found.losses:
        line = source.line_number(loss.node.start)
        remarks.append(f"line {line}: {loss.message}")
    return TextResult(source, apply_edits(source.data, found.edits), tuple(remarks))


#: Files whose form has never changed.
_WITHOUT_GENERATIONS = (FileKind.STATE, FileKind.STATE_HDF5, FileKind.MODEL_HDF5)


def _copy(path: str, target: str, in_place: bool, overwrite: bool) -> None:
    """Write a file as it is under another name."""
    from protolint.weights.files import mapped
    from protolint.weights.splice import Copy, write_spliced

    with mapped(path) as (_, state):
        write_spliced(
            path,
            target,
            [Copy(0, state.size)],
            state=state,
            in_place=in_place,
            overwrite=overwrite,
        )


def _upgraded_weights(workspace: Workspace, path: str) -> BinaryResult:
    from protolint.upgrading.model import upgrade_model
    from protolint.weights.files import mapped
    from protolint.weights.index import index_file
    from protolint.weights.splice import size_of, whole_file, write_spliced

    chosen = workspace.choices.targets
    index = index_file(path)
    with mapped(path) as (data, _):
        found = upgrade_model(data, index, chosen[0] if chosen else DEFAULT)
    pieces = whole_file(index, found.changes)

    def write(target: str, in_place: bool, overwrite: bool) -> None:
        with progress_bar() as bar:
            size = size_of(pieces)
            write_spliced(
                path,
                target,
                pieces,
                state=index.state,
                verify=partial(_check_blobs, index),
                in_place=in_place,
                overwrite=overwrite,
                progress=None if bar is None else lambda done: bar(path, done, size),
            )

    remarks = tuple(f"{loss}: dropped, as Caffe does" for loss in found.losses)
    return BinaryResult(path, bool(found.changes), write, remarks)


def _check_blobs(before: ModelIndex, path: str) -> None:
    """Raise InputError where a file that was written has not the blobs of its source."""
    from protolint.weights.index import index_file

    def blobs(index: ModelIndex) -> list[tuple[str, list[tuple[int, ...]]]]:
        return [(e.name, [blob.shape for blob in e.blobs]) for e in index.layers if e.blobs]

    if blobs(index_file(path)) != blobs(before):
        raise InputError(before.path, "its upgrade has other blobs; nothing was written")
