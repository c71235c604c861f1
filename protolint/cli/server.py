"""protolint server: findings in an editor, by the Language Server Protocol."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import redirect_stdout

import click

from protolint.errors import UsageError

__all__ = ["command"]


@click.command("server", epilog="Editors start it themselves: see docs/editors.md")
@click.option("--stdio", is_flag=True, help="Use the standard streams, as always.")
def command(stdio: bool) -> int:  # noqa: ARG001
    """Serve an editor on standard input and output (Language Server Protocol).

    Needs the extra `lsp`: pip install 'protolint-caffe[lsp]'
    """
    try:
        from protolint.lsp.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError("the server needs pygls: pip install 'protolint-caffe[lsp]'") from None
    # Off in commands that end soon (protolint.cli); this one goes on all day.
    gc.enable()
    # The server closes its stream, and nothing else may write to it.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stream, redirect_stdout(sys.stderr):
        return serve(stream)
