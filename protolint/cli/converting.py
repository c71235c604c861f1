"""What `protolint convert` does once its options are read; it imports no click."""

from __future__ import annotations

import sys
from typing import Any

from protolint.caffe.dialect import Dialect
from protolint.cli.terminal import coloured, progress_bar, put
from protolint.errors import OK, ProtolintError
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["convert"]


def convert(
    paths: tuple[str, ...],
    *,
    to: Dialect,
    choices: Choices,
    output: str | None = None,
    form: str = "text",
    color: str = "auto",
    **asked: Any,
) -> int:
    """Convert files and return the exit code.

    `asked` are further options of protolint.conversion.request. Raises ProtolintError where
    nothing is converted.
    """
    from protolint.conversion.request import options_of
    from protolint.conversion.run import convert_files

    try:
        options = options_of(to=to, output=output, **asked)
        with progress_bar() as progress:
            report = convert_files(paths, options, progress, workspace=Workspace(choices))
    except ProtolintError as error:
        if form == "json":
            from protolint.conversion.report import render_refusal

            put(render_refusal(to.name, error), err=output == "-")
        raise
    from protolint.conversion.report import render_json, render_text
    from protolint.report.table import room

    # Standard output is the prototxt's where one is written there.
    aside = any(result.output == "-" for result in report.files)
    colour = coloured(color, sys.stderr if aside else sys.stdout)
    put(
        render_json(report) if form == "json" else render_text(report, room(), colour=colour),
        err=aside,
    )
    return OK
