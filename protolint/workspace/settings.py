"""What a configuration can say of the files below it, and what holds where it says nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from protolint.caffe.build import Build, types_in
from protolint.caffe.descriptors import Schema
from protolint.caffe.dialect import Dialect
from protolint.diagnostic import Severity
from protolint.record import NamedTuple

__all__ = ["RuleNames", "Settings"]


class RuleNames(NamedTuple):
    """Rules as a configuration names them (codes, families, names), and where it does.

    Which rules are meant is not known here (protolint.lint.select).
    """

    names: tuple[str, ...] = ()
    path: str = ""
    key: str = ""


class Settings(NamedTuple):
    """What a configuration file can say.

    `path` is the file it stands in, None for the defaults. `targets` is empty where the
    dialect is to be inferred. `thresholds` are those that are given, by their keys.
    """

    path: str | None = None
    targets: tuple[Dialect, ...] = ()
    cudnn: bool = True
    layer_types: frozenset[str] = frozenset()
    extra_fields: frozenset[str] = frozenset()
    proto: str | None = None
    fine_tunes: bool = False
    select: RuleNames | None = None
    ignore: RuleNames = RuleNames()
    per_file_ignores: Mapping[str, RuleNames] = MappingProxyType({})
    per_file_targets: Mapping[str, tuple[Dialect, ...]] = MappingProxyType({})
    severity: tuple[tuple[RuleNames, Severity], ...] = ()
    exclude: tuple[str, ...] = ()
    force_exclude: bool = False
    baseline: str | None = None
    fail_level: Severity = Severity.WARNING
    thresholds: Mapping[str, float] = MappingProxyType({})

    @property
    def folder(self) -> str:
        """The folder that patterns are relative to."""
        return os.path.dirname(os.path.abspath(self.path)) if self.path else os.getcwd()

    def build(
        self, schema: Schema | None = None, *, cudnn: bool = True, fine_tunes: bool = False
    ) -> Build:
        """Return the user's own Caffe, with its schema where that has been read."""
        return Build(
            schema,
            cudnn and self.cudnn,
            self.layer_types | (types_in(schema) if schema is not None else frozenset()),
            self.extra_fields,
            fine_tunes or self.fine_tunes,
        )

    def matches(self, path: str, pattern: str) -> bool:
        """Whether a pattern of this configuration means a file or a folder above it."""
        from fnmatch import fnmatch

        relative = os.path.relpath(os.path.abspath(path), self.folder).replace(os.sep, "/")
        wanted = pattern.rstrip("/")
        parts = relative.split("/")
        above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        return any(fnmatch(name, wanted) for name in (*above, *parts))

    def targets_of(self, path: str) -> tuple[Dialect, ...]:
        """Return the configured targets of a file; those of the last pattern that means it win."""
        found = [t for p, t in self.per_file_targets.items() if self.matches(path, p)]
        return found[-1] if found else self.targets

    def excludes(self, path: str) -> bool:
        """Whether a file is not to be looked at."""
        return any(self.matches(path, pattern) for pattern in self.exclude)
