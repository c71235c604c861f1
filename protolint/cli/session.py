"""One run: which files, with which settings; a file that cannot be read does not stop it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import click

from protolint.caffe.build import Build
from protolint.caffe.descriptors import Schema, read_schema
from protolint.caffe.dialects import Dialect
from protolint.errors import InputError, UsageError
from protolint.lint.runner import FileReport, check_source
from protolint.source import Source
from protolint.workspace.config import ConfigFinder, Settings
from protolint.workspace.discover import (
    NotTextError,
    find_files,
    holds_weights,
    named_as_weights,
    read_source,
)
from protolint.workspace.reading import Readings
from protolint.workspace.relatives import Project

if TYPE_CHECKING:
    from protolint.lint.weights import GivenNet

__all__ = ["Choices", "Session"]


class Choices(NamedTuple):
    """What the command line says about how to check.

    With `infer` no target is configured: the file itself tells. `thresholds` are keys of the
    table `thresholds` with their values.
    """

    targets: tuple[Dialect, ...] = ()
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    extend_select: frozenset[str] = frozenset()
    proto: str | None = None
    without_cudnn: bool = False
    fine_tunes: bool = False
    isolated: bool = False
    force_exclude: bool = False
    stdin_filename: str | None = None
    weights: tuple[str, ...] = ()
    infer: bool = False
    thresholds: tuple[tuple[str, float], ...] = ()


class Session:
    """The command line's choices, applied to file after file.

    `failed` says that some input could not be read; stderr has told why.
    """

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.failed = False
        self._configs = ConfigFinder(isolated=choices.isolated)
        self._schema = read_schema(choices.proto) if choices.proto else None
        self._schemas: dict[str, Schema] = {}
        self._settings: dict[str, Settings] = {}
        self.project = Project()

    def exit_code(self, code: int) -> int:
        """The exit code of the run: 2 where some input could not be read."""
        return 2 if self.failed else code

    def tell(self, error: Exception) -> None:
        """Say on stderr what is wrong with an input, and go on."""
        self.failed = True
        click.echo(f"protolint: {error}", err=True)

    def find(self, paths: Iterable[str]) -> list[str]:
        """The files to check, each once, in the order given, without what is excluded."""
        found: dict[str, str] = {}
        for path in paths:
            try:
                files = list(find_files(path, self.tell))
            except (InputError, UsageError) as error:
                self.tell(error)
                continue
            if not files:
                told = "no *.prototxt file below this folder; weights have to be named"
                click.echo(f"protolint: {path}: {told}", err=True)
            named = files == [path]
            for file in files:
                if not self._is_excluded(file, named):
                    found.setdefault(file if file == "-" else os.path.normpath(file), file)
        files = list(found.values())
        self.pair(files)
        return files

    def pair(self, files: Iterable[str]) -> None:
        """Let files of the run be seen together."""
        texts = (path for path in files if not named_as_weights(path))
        self.project = Project(texts, self._readings)

    def _is_excluded(self, path: str, named: bool) -> bool:
        """Whether a file is left out; one that is named only where exclusion is forced."""
        settings = self.settings_for(path)
        forced = self.choices.force_exclude or settings.force_exclude
        return bool(settings.exclude) and (forced or not named) and settings.excludes(path)

    def settings_for(self, path: str) -> Settings:
        """The settings for a file, with the command line's choice of rules applied."""
        shown = self.choices.stdin_filename or path if path == "-" else path
        folder = os.path.dirname(os.path.realpath(shown))
        known = self._settings.get(folder)
        if known is None:
            settings = self._configs.settings_for(folder)
            asked, extra = self.choices.select, self.choices.extend_select
            select = settings.select if asked is None else asked
            ignore = settings.ignore if asked is None else frozenset()
            known = settings._replace(
                select=None if select is None else select | extra,
                ignore=(ignore - extra) | self.choices.ignore,
            )
            if self.choices.thresholds:
                changed = {**known.thresholds, **dict(self.choices.thresholds)}
                known = known._replace(thresholds=MappingProxyType(changed))
            if self.choices.infer:
                known = known._replace(targets=(), per_file_targets=MappingProxyType({}))
            self._settings[folder] = known
        return known

    def _build_for(self, settings: Settings) -> Build:
        """The user's own Caffe, with the schema the command line or the settings name."""
        schema = self._schema
        if schema is None and settings.proto is not None:
            if settings.proto not in self._schemas:
                self._schemas[settings.proto] = read_schema(settings.proto)
            schema = self._schemas[settings.proto]
        return settings.build(
            schema, cudnn=not self.choices.without_cudnn, fine_tunes=self.choices.fine_tunes
        )

    def _readings(self, source: Source) -> Readings:
        return Readings.of(source, self._build_for(self.settings_for(source.path)))

    def read(self, path: str) -> Source | str | None:
        """The source of a prototxt; of weights their path, because they are not read here.

        None, with a message told, where the file cannot be read.
        """
        if named_as_weights(path):
            return path
        try:
            return read_source(path, self.choices.stdin_filename if path == "-" else None)
        except NotTextError as error:
            if path != "-" and holds_weights(path):
                return path
            self.tell(error)
        except InputError as error:
            self.tell(error)
        return None

    def check_weights(self, path: str, given: GivenNet | None = None) -> list[FileReport]:
        """The reports of a weight file; none, with a message told, where it cannot be read."""
        from protolint.cli.progress import progress_bar
        from protolint.lint.weights import check_weights

        settings = self.settings_for(path)
        try:
            with progress_bar() as progress:
                return check_weights(
                    path,
                    targets=self.choices.targets,
                    settings=settings,
                    build=self._build_for(settings),
                    given=given,
                    progress=progress,
                )
        except (InputError, UsageError) as error:
            self.tell(error)
            return []

    def check(self, source: Source) -> list[FileReport]:
        """The reports of one source, one for each target."""
        settings = self.settings_for(source.path)
        return check_source(
            source,
            targets=self.choices.targets,
            settings=settings,
            build=self._build_for(settings),
            project=self.project,
        )

    def check_all(self, files: Sequence[str], jobs: int) -> list[FileReport]:
        """The reports of every file, in order; in several processes where that pays."""
        from protolint.cli.jobs import in_processes, workers_for

        workers = workers_for(files, jobs)
        if workers > 1:
            return in_processes(self, files, workers)
        return self.check_each(files)

    def check_each(self, files: Iterable[str]) -> list[FileReport]:
        """The reports of every file, one after the other; of a net, of its weights too."""
        reports: list[FileReport] = []
        for path in files:
            found = self.read(path)
            if isinstance(found, str):
                if self.choices.weights:
                    self.tell(UsageError(f"{path}: weights, and --weights goes with a net"))
                reports += self.check_weights(found)
            elif found is not None:
                reports += self.checked(found)
        return reports

    def checked(self, source: Source) -> list[FileReport]:
        """The reports of a net, and those of the weights that were given for it."""
        reports = self.check(source)
        if not self.choices.weights:
            return reports
        from protolint.lint.weights import GivenNet

        targets = [report.target for report in reports]
        given = GivenNet(self._readings(source), targets, self.project)
        more = (self.check_weights(path, given) for path in self.choices.weights)
        return [*reports, *(report for found in more for report in found)]
