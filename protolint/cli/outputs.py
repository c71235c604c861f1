"""Reports written to files, besides the one that goes to standard output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from protolint.record import NamedTuple
from protolint.report import renderer

if TYPE_CHECKING:
    from protolint.cli.terminal import Problems
    from protolint.lint.file_report import FileReport

__all__ = ["Output", "write_outputs"]


class Output(NamedTuple):
    """A report to write: its format, and the file it goes to."""

    format: str
    path: str


def write_outputs(
    problems: Problems, outputs: Sequence[Output], reports: Sequence[FileReport]
) -> None:
    """Write each report; one that cannot be written is reported, and the next goes on."""
    if not outputs:
        return
    from protolint.errors import InputError
    from protolint.files import replace_file

    for output in outputs:
        try:
            target = os.path.realpath(output.path)
            if any(os.path.realpath(report.path) == target for report in reports):
                raise InputError(output.path, "is checked in this run; not overwritten by a report")
            text = renderer(output.format)(reports, False, problems.texts)
            replace_file(output.path, text.encode("utf-8", "backslashreplace"))
        except InputError as error:
            problems.report(error)
