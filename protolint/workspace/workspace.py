"""The one session: what a caller chose, and every file read by it.

The command line, Python, the language server, stats and convert all read their files here, so
that a file has the same settings, schema, build and target whoever asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from types import MappingProxyType

from protolint.caffe.build import Build
from protolint.caffe.descriptors import Schema, read_schema
from protolint.caffe.dialect import Dialect
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.kinds import FileKind, holds_weights, named_as_weights
from protolint.workspace.config import ConfigFinder
from protolint.workspace.discover import NotTextError, find_files, read_source
from protolint.workspace.evidence import Member
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.relatives import Project
from protolint.workspace.settings import Settings
from protolint.workspace.target import Target, targets_of

__all__ = ["Choices", "Workspace"]


class Choices(NamedTuple):
    """What a caller says, which counts more than any configuration.

    With `auto` no configured target counts: each file shows its own. `select` are the codes of
    the only rules to run, `extend_select` of those to run as well (protolint.lint.select).
    `thresholds` are keys of the table `thresholds` with their values. `stdin_filename` is the
    name of standard input. `config` is what --config says: a file, or keys as KEY=VALUE;
    `exclude` are patterns of files to leave out, from the working directory. Without `edits`
    nobody looks at what fixes change, and a report on a file for one target holds none.
    """

    targets: tuple[Dialect, ...] = ()
    auto: bool = False
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    extend_select: frozenset[str] = frozenset()
    thresholds: tuple[tuple[str, float], ...] = ()
    proto: str | None = None
    without_cudnn: bool = False
    fine_tunes: bool = False
    isolated: bool = False
    config: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    stdin_filename: str | None = None
    edits: bool = True


_NO_CHOICES = Choices()


class Workspace:
    """A caller's choices, applied to file after file.

    Raises InputError or UsageError where the chosen schema cannot be read. With `settings` no
    configuration is looked for: they hold for every file.
    """

    def __init__(self, choices: Choices = _NO_CHOICES, *, settings: Settings | None = None) -> None:
        self.choices = choices
        self.relatives = Project((), self.readings)
        #: Gives what the weights of a net show, by the path of the net (protolint.lint).
        self.shown_by: dict[str, Callable[[], list[Readings]]] = {}
        self._finder = ConfigFinder(isolated=choices.isolated, given=choices.config)
        self._fixed = settings
        #: By file and by folder.
        self._settings: dict[str, Settings] = {}
        self._schemas: dict[str, Schema] = {}
        if choices.proto is not None:
            self._schema(choices.proto)

    def find(
        self,
        paths: Iterable[str],
        report: Callable[[ProtolintError], None],
        warn: Callable[[str], None],
    ) -> list[str]:
        """Return the files to check, each once, in the order given, without the excluded ones.

        The files then know each other. `report` is called with each path that is not there or
        cannot be listed, `warn` with what deserves a remark.
        """
        found: dict[str, str] = {}
        for path in paths:
            try:
                files = list(find_files(path, report))
            except (InputError, UsageError) as error:
                report(error)
                continue
            if not files:
                warn(f"{path}: no *.prototxt file below this folder; weights have to be named")
            named = files == [path]
            kept = [file for file in files if not self.excludes(file, named=named)]
            if files and not kept:
                warn(f"{path}: every file is excluded; nothing is checked")
            for file in kept:
                found.setdefault(file if file == "-" else os.path.normpath(file), file)
        files = list(found.values())
        self.pair(files)
        return files

    def pair(self, files: Iterable[str]) -> None:
        """Let files know each other: a solver its nets, a deploy net its training net."""
        texts = (path for path in files if not named_as_weights(path))
        self.relatives = Project(texts, self.readings)

    def excludes(self, path: str, *, named: bool) -> bool:
        """Whether a file is left out; one that is named only where exclusion is forced."""
        settings = self.settings(path)
        forced = self.choices.force_exclude or settings.force_exclude
        if named and not forced:
            return False
        here = Settings()
        if any(here.matches(path, pattern) for pattern in self.choices.exclude):
            return True
        return bool(settings.exclude) and settings.excludes(path)

    def settings(self, path: str) -> Settings:
        """Return the settings for a file, changed as the caller chose.

        Raises ConfigError for a configuration that is wrong.
        """
        if path == "-":
            path = self.choices.stdin_filename or path
        known = self._settings.get(path)
        if known is None:
            folder = os.path.dirname(os.path.realpath(path))
            known = self._settings.get(folder)
            if known is None:
                configured = self._fixed or self._finder.settings_for(folder)
                known = self._settings[folder] = self._chosen(configured)
            self._settings[path] = known
        return known

    def _chosen(self, settings: Settings) -> Settings:
        """Apply the caller's choices to the settings of a configuration."""
        choices = self.choices
        if choices.thresholds:
            thresholds = {**settings.thresholds, **dict(choices.thresholds)}
            settings = settings._replace(thresholds=MappingProxyType(thresholds))
        if choices.auto:
            settings = settings._replace(targets=(), per_file_targets=MappingProxyType({}))
        return settings

    def build(self, path: str) -> Build:
        """Return the user's own Caffe, as it is for a file.

        Raises InputError or UsageError where its schema cannot be read.
        """
        settings = self.settings(path)
        proto = self.choices.proto or settings.proto
        return settings.build(
            None if proto is None else self._schema(proto),
            cudnn=not self.choices.without_cudnn,
            fine_tunes=self.choices.fine_tunes,
        )

    def _schema(self, path: str) -> Schema:
        known = self._schemas.get(path)
        if known is None:
            known = self._schemas[path] = read_schema(path)
        return known

    def source(self, path: str) -> Source:
        """Return the text of a prototxt, of standard input for "-".

        Raises InputError where it cannot be read, NotTextError where it is no text.
        """
        return read_source(path, self.choices.stdin_filename if path == "-" else None)

    def source_or_weights(self, path: str) -> Source | None:
        """Return the text of a prototxt, or None for weights, which are not read here.

        Raises InputError where a file cannot be read, or is neither.
        """
        if named_as_weights(path):
            return None
        try:
            return self.source(path)
        except NotTextError:
            if path != "-" and holds_weights(path):
                return None
            raise

    def readings(self, source: Source) -> Readings:
        """Return a parsed source, to be read as one dialect or another.

        A net that its solver has opened already is not parsed once more.
        """
        known = self.relatives.opened(source)
        if known is None:
            known = Readings.of(source, self.build(source.path), self.relatives)
            self.relatives.keep(known)
        return known

    def targets(self, readings: Readings) -> list[Target]:
        """Return what a file is checked for: as chosen, as it says, or as its model shows."""
        settings = self.settings(readings.tree.source.path)
        family = partial(self._family, readings)
        return targets_of(readings, self.choices.targets, settings, family)

    def _family(self, readings: Readings) -> list[Readings]:
        weights = self.shown_by.get(readings.tree.source.path, list)
        return [*self.relatives.family(readings), *weights()]

    def evidence(self, readings: Readings) -> list[Member]:
        """Return a file and the others of its model, each with what it shows of its Caffe."""
        return [Member.of(found) for found in (readings, *self._family(readings))]

    def read(self, given: str | Source, target: Dialect | None = None) -> LintFile:
        """Return a file as a dialect reads it: `target`, else the first that it is checked for.

        Raises InputError where it cannot be read. A file with errors is read as far as it goes.
        """
        readings = self.readings(self.source(given) if isinstance(given, str) else given)
        return readings.read(target or self.targets(readings)[0].dialect)

    def net(self, given: str | Source, target: Dialect | None = None) -> Net:
        """Return the net in a file as `target`, else the first that it is checked for, builds it.

        Raises InputError where the file cannot be read, its syntax is broken, or it is no net.
        """
        source = self.source(given) if isinstance(given, str) else given
        readings = self.readings(source)
        for problem in readings.tree.problems:
            if problem.fatal:
                line, column = source.position(problem.span.start)
                raise InputError(source.path, f"line {line}, column {column}: {problem.message}")
        if readings.kind is FileKind.SOLVER:
            raise InputError(source.path, "a solver, not a net; load the net that it names")
        if not readings.kind.is_text:
            raise InputError(source.path, "no field of a net is in it")
        return readings.read(target or self.targets(readings)[0].dialect).nets[0]
