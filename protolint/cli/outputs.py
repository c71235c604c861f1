"""Reports written to files, besides the one that goes to standard output."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from protolint.record import NamedTuple
from protolint.report import FORMATS, renderer

if TYPE_CHECKING:
    from protolint.cli.problems import Problems
    from protolint.lint.file_report import FileReport

__all__ = ["Output", "OutputType", "distinct", "write_outputs"]


class Output(NamedTuple):
    """A report to write: its format, and the file it goes to."""

    format: str
    path: str


class OutputType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A format and a file, as in `sarif=out.sarif`."""

    name = "format=file"

    def convert(
        self, value: str | Output, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        """Return the format and the file.

        A usage error, with the nearest format, where one is wrong.
        """
        if isinstance(value, Output):
            return value
        name, sign, path = value.partition("=")
        if not sign or not path:
            self.fail(f"'{value}' is not FORMAT=FILE, as in sarif=out.sarif", param, ctx)
        if name not in FORMATS:
            from protolint.suggest import did_you_mean

            hint = did_you_mean(name, FORMATS)
            known = ", ".join(FORMATS)
            self.fail(f"unknown format '{name}'{hint}; known: {known}", param, ctx)
        if path == "-":
            self.fail(f"for standard output: --output-format {name}", param, ctx)
        return Output(name, path)


def distinct(
    ctx: click.Context, param: click.Parameter, outputs: tuple[Output, ...]
) -> tuple[Output, ...]:
    """Return the outputs as they are; a usage error where two would go to one file."""
    seen: set[str] = set()
    for output in outputs:
        path = os.path.realpath(output.path)
        if path in seen:
            raise click.BadParameter(f"two reports would go to {output.path}", ctx, param)
        seen.add(path)
    return outputs


def write_outputs(
    problems: Problems, outputs: Iterable[Output], reports: Sequence[FileReport]
) -> None:
    """Write each report; one that cannot be written is reported, and the next goes on."""
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
