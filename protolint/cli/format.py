"""protolint format: one layout for every prototxt."""

from __future__ import annotations

import click

from protolint.cli.common import common_options
from protolint.cli.options import PathType
from protolint.cli.results import Manners, TextResult, result_options
from protolint.errors import OK
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["command"]


@click.command("format", epilog="Example: protolint format --in-place train_val.prototxt")
@click.argument("paths", nargs=-1, required=True, type=PathType(), metavar="FILES...")
@click.option("--force-exclude", is_flag=True, help="Leave out what the configuration excludes.")
@result_options
@common_options
def command(paths: tuple[str, ...], force_exclude: bool, manners: Manners, choices: Choices) -> int:
    """Lay prototxt files out in one style ('-': stdin): the message and comments stay.

    A file with a syntax error is left as it is, and named.

    Exit code: 0 done, 1 files would change (--check), 2 a file cannot be read.
    """
    workspace = Workspace(choices._replace(force_exclude=force_exclude))
    kept = [path for path in paths if not workspace.excludes(path, named=True)]
    if not kept:
        return OK
    return manners.each(kept, lambda path: _formatted(workspace, path))


def _formatted(workspace: Workspace, path: str) -> TextResult:
    """Return the layout of one file; raises InputError where it cannot be read."""
    from protolint.format.layout import formatted
    from protolint.text import parse

    source = workspace.source(path)
    tree = parse(source)
    remarks = ("its syntax is broken; left as it is",) if tree.problems else ()
    return TextResult(source, formatted(tree), remarks)
