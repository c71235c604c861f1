"""protolint upgrade: files of old generations in the current form."""

from __future__ import annotations

import click

from protolint.caffe.dialect import Dialect
from protolint.cli.common import common_options
from protolint.cli.options import PathType, TargetType
from protolint.cli.results import BinaryResult, Manners, Result, TextResult, result_options
from protolint.cli.terminal import progress_bar
from protolint.workspace.workspace import Choices, Workspace

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
    from protolint.deployment.upgrade import upgraded

    chosen = () if target is None else (target,)
    workspace = Workspace(choices._replace(targets=chosen))

    def made(path: str) -> Result:
        found = upgraded(workspace, path)
        if found.source is not None and found.data is not None:
            return TextResult(found.source, found.data, found.remarks)

        def write(to: str, in_place: bool, overwrite: bool) -> None:
            with progress_bar() as bar:
                found.write(to, in_place=in_place, overwrite=overwrite, progress=bar)

        return BinaryResult(path, found.changed, write, found.remarks)

    return manners.each(paths, made)
