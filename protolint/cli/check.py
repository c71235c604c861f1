"""protolint check: find what is wrong in prototxt files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import click

from protolint.errors import InputError, UsageError
from protolint.lint.config import ConfigFinder, Settings
from protolint.lint.discover import find_files, read_source
from protolint.lint.file import Readings
from protolint.lint.project import Project
from protolint.lint.runner import FileReport, check_source
from protolint.report import FORMATS, renderer
from protolint.schema.descriptors import Schema, read_schema
from protolint.schema.dialects import DIALECTS, Dialect, resolve_target
from protolint.source import Source
from protolint.text import parse

__all__ = ["command"]


class _TargetType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "dialect"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> Dialect:
        dialect = resolve_target(value)
        if dialect is None:
            from protolint.lint.suggest import did_you_mean

            hint = did_you_mean(value, DIALECTS)
            self.fail(f"unknown dialect '{value}'{hint}; known: {', '.join(DIALECTS)}", param, ctx)
        return dialect


@click.command("check", epilog="Example: protolint check --target nvidia-0.15 train_val.prototxt")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=_TargetType(),
    help="Check for this Caffe: bvlc, nvidia-0.14, -0.15, -0.16, -0.17 (may be repeated).",
)
@click.option("--proto", metavar="FILE", help="Use your own fork's caffe.proto as the schema.")
@click.option("--without-cudnn", is_flag=True, help="The target Caffe was built without cuDNN.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="How to print the findings.",
)
@click.option("--stdin-filename", metavar="NAME", help="The name to show for '-'.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even where something is found.")
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour the output.",
)
def command(
    paths: tuple[str, ...],
    targets: tuple[Dialect, ...],
    proto: str | None,
    without_cudnn: bool,
    output_format: str,
    stdin_filename: str | None,
    isolated: bool,
    exit_zero: bool,
    color: str,
) -> int:
    """Check prototxt files, and the *.prototxt files below folders ('-': standard input).

    Without --target, the Caffe a file is for is told from a comment in it
    (# protolint: target=nvidia-0.15), the configuration, or the fields it uses.

    Exit code: 0 nothing found, 1 findings, 2 wrong usage or unreadable file.
    """
    schema = read_schema(proto) if proto else None
    checker = _Checker(targets, schema, without_cudnn, ConfigFinder(isolated=isolated))
    reports = [
        report
        for path in checker.find(paths or (".",))
        for report in checker.check(path, stdin_filename if path == "-" else None)
    ]
    if reports or output_format == "json" or not checker.failed:
        sys.stdout.write(renderer(output_format)(reports, _colour(color)))
    if checker.failed:
        return 2
    return 1 if not exit_zero and any(report.diagnostics for report in reports) else 0


class _Checker:
    """Checks file after file; one that cannot be read is told of and does not stop the rest."""

    def __init__(
        self,
        targets: tuple[Dialect, ...],
        schema: Schema | None,
        without_cudnn: bool,
        configs: ConfigFinder,
    ) -> None:
        self.targets = targets
        self.schema = schema
        self.without_cudnn = without_cudnn
        self.configs = configs
        self.failed = False
        self.project = Project()
        self._schemas: dict[str, Schema] = {}

    def find(self, paths: Iterable[str]) -> list[str]:
        """The files to check, each once, in the order given."""
        found: dict[str, None] = {}
        for path in paths:
            try:
                files = list(find_files(path))
            except (InputError, UsageError) as error:
                self._tell(error)
                continue
            if not files:
                click.echo(f"protolint: {path}: no *.prototxt file below this folder", err=True)
            found.update(dict.fromkeys(files))
        self.project = Project(found, self._readings)
        return list(found)

    def _readings(self, source: Source) -> Readings:
        settings, schema = self._rules_for(source.path)
        return Readings(
            parse(source),
            schema=schema,
            with_cudnn=settings.cudnn,
            custom_types=settings.layer_types,
        )

    def check(self, path: str, shown: str | None) -> list[FileReport]:
        """The reports of one file, none where it cannot be read."""
        settings, schema = self._rules_for(shown or path)
        try:
            source = read_source(path, shown)
        except InputError as error:
            self._tell(error)
            return []
        return check_source(
            source,
            targets=self.targets,
            settings=settings,
            schema=schema,
            project=self.project,
        )

    def _rules_for(self, path: str) -> tuple[Settings, Schema | None]:
        """The settings for a file, the command line applied, and the user's own schema."""
        settings = self.configs.settings_for(os.path.dirname(os.path.realpath(path)))
        if self.without_cudnn:
            settings = settings._replace(cudnn=False)
        schema = self.schema
        if schema is None and settings.proto is not None:
            if settings.proto not in self._schemas:
                self._schemas[settings.proto] = read_schema(settings.proto)
            schema = self._schemas[settings.proto]
        return settings, schema

    def _tell(self, error: Exception) -> None:
        self.failed = True
        click.echo(f"protolint: {error}", err=True)


def _colour(choice: str) -> bool:
    """Whether to colour: as asked, by NO_COLOR and FORCE_COLOR, else for a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
