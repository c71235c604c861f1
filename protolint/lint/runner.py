"""From one source to its diagnostics: parse, find the target, run the rules."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.config import Settings
from protolint.lint.file import FileKind, LintFile, Readings
from protolint.lint.project import Project
from protolint.lint.registry import all_rules
from protolint.lint.rule import Finding, Rule, Scope
from protolint.lint.target import Target, infer_target, target_comments
from protolint.net.solver import Solver
from protolint.schema.descriptors import Schema
from protolint.schema.dialects import Dialect
from protolint.source import Source
from protolint.text import parse

__all__ = ["FileReport", "check_source"]


class FileReport(NamedTuple):
    """What was found in one file for one target.

    `accepted` says whether that Caffe's own text parser would take the file.
    """

    source: Source
    kind: FileKind
    target: Target
    accepted: bool
    diagnostics: tuple[Diagnostic, ...]

    @property
    def path(self) -> str:
        """The name of the file, as it is shown."""
        return self.source.path


def check_source(
    source: Source,
    *,
    targets: tuple[Dialect, ...] = (),
    settings: Settings | None = None,
    schema: Schema | None = None,
    project: Project | None = None,
) -> list[FileReport]:
    """One report for each target.

    The targets are those given, else those the file's comments name, else the configured
    ones, else the one inferred from what the file says. A `project` knows the other files of
    the run.
    """
    settings = settings or Settings()
    project = project or Project()
    readings = Readings(
        parse(source),
        schema=schema,
        with_cudnn=settings.cudnn,
        custom_types=settings.layer_types,
    )
    return [_report(readings, target, project) for target in _targets(readings, targets, settings)]


def _targets(
    readings: Readings, asked: tuple[Dialect, ...], settings: Settings
) -> Iterable[Target]:
    if asked:
        return _unique(asked, "as asked")
    comments = target_comments(readings.tree.source.text)
    named = tuple(comment.dialect for comment in comments if comment.dialect is not None)
    if named:
        return _unique(named, "as a comment in the file says")
    if settings.targets and settings.path is not None:
        return _unique(settings.targets, f"as {os.path.basename(settings.path)} says")
    return [infer_target(readings)]


def _unique(dialects: tuple[Dialect, ...], reason: str) -> list[Target]:
    named = {dialect.name: dialect for dialect in dialects}
    return [Target(dialect, reason) for dialect in named.values()]


def _report(readings: Readings, target: Target, project: Project) -> FileReport:
    file = readings.read(target.dialect)
    solver = project.connect(file)
    diagnostics = [
        _diagnostic(file, rule, finding)
        for rule in all_rules()
        if rule.applies_to(target.dialect.name) and (rule.reader or not file.tree.broken)
        for finding in _findings(file, rule, solver)
    ]
    diagnostics.sort(key=lambda diagnostic: diagnostic.sort_key)
    if file.kind is FileKind.OTHER:
        errors = [d for d in diagnostics if d.severity is Severity.ERROR]
        diagnostics = errors[:1] or diagnostics
    return FileReport(file.source, file.kind, target, file.accepted, tuple(diagnostics))


def _findings(file: LintFile, rule: Rule, solver: Solver | None) -> Iterator[Finding]:
    if rule.scope is Scope.FILE:
        yield from rule.check(file)
    elif rule.scope is Scope.SOLVER:
        if solver is not None:
            yield from rule.check(solver)
    else:
        for net in file.nets:
            yield from rule.check(net)


def _diagnostic(file: LintFile, rule: Rule, finding: Finding) -> Diagnostic:
    return Diagnostic(
        code=rule.code,
        name=rule.name,
        severity=finding.severity or rule.severity,
        message=finding.message,
        path=file.source.path,
        span=finding.span,
        layer=finding.layer,
        target=file.dialect.name,
        related=finding.related,
        fix=finding.fix,
    )
