"""From one source to its diagnostics: parse, find the targets, run the rules, suppress."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protolint.caffe.build import Build
from protolint.caffe.dialect import Dialect
from protolint.diagnostic import Diagnostic, Severity
from protolint.lint.registry import known_rules
from protolint.lint.rule import Finding, Rule, Scope
from protolint.lint.suppress import suppress
from protolint.lint.unused import unused_suppressions
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.config import Settings
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.relatives import Project
from protolint.workspace.target import Target, targets_of

__all__ = ["FileReport", "check_source"]

_TEXT = (Scope.FILE, Scope.NET, Scope.SOLVER)


class FileReport(NamedTuple):
    """What was found in one file for one target.

    `accepted` says whether that Caffe's own text parser would take the file; `suppressed`
    counts what comments in the file leave out.
    """

    source: Source
    kind: FileKind
    target: Target
    accepted: bool
    diagnostics: tuple[Diagnostic, ...]
    suppressed: int = 0

    @property
    def path(self) -> str:
        """The name of the file, as it is shown."""
        return self.source.path


def check_source(
    source: Source,
    *,
    targets: tuple[Dialect, ...] = (),
    settings: Settings | None = None,
    build: Build | None = None,
    project: Project | None = None,
) -> list[FileReport]:
    """One report for each target.

    The targets are those given, else those the file's comments name, else the configured
    ones, else the one inferred from what the file says. A `project` knows the other files of
    the run.
    """
    settings = settings or Settings()
    readings = Readings.of(source, build or settings.build(), project or Project())
    selected = settings.selector(source.path)
    rules = [rule for rule in known_rules() if rule.scope in _TEXT and selected(rule.code)]
    checked = [
        (target, _check(readings.read(target.dialect), rules, settings))
        for target in targets_of(readings, targets, settings)
    ]
    ran = {r.code for r in rules if any(r.applies_to(t.dialect.name) for t, _ in checked)}
    outcome = suppress(source, readings.directives, (found for _, found in checked), ran)
    reports = []
    for (target, _), kept in zip(checked, outcome.kept, strict=True):
        file = readings.read(target.dialect)
        found = tuple(_presented(file, kept))
        reports.append(
            FileReport(source, file.kind, target, file.accepted, found, outcome.suppressed)
        )
    if outcome.unused and "PL002" in ran:
        extra = unused_suppressions(source, outcome.unused)
        first = reports[0]
        level = settings.severity.get("PL002", Severity.WARNING)
        more = [d._replace(target=first.target.dialect.name, severity=level) for d in extra]
        reports[0] = first._replace(diagnostics=_sorted([*first.diagnostics, *more]))
    return reports


def _check(file: LintFile, rules: list[Rule], settings: Settings) -> list[Diagnostic]:
    name = file.dialect.name
    broken = file.tree.broken
    return [
        _diagnostic(file, rule, finding, settings)
        for rule in rules
        if rule.applies_to(name) and (rule.reader or not broken)
        for finding in _findings(file, rule)
    ]


def _findings(file: LintFile, rule: Rule) -> Iterator[Finding]:
    if rule.scope is Scope.FILE:
        yield from rule.check(file)
    elif rule.scope is Scope.SOLVER:
        if file.solver is not None:
            yield from rule.check(file.solver)
    else:
        for net in file.nets:
            yield from rule.check(net)


def _diagnostic(file: LintFile, rule: Rule, finding: Finding, settings: Settings) -> Diagnostic:
    return Diagnostic(
        code=rule.code,
        name=rule.name,
        severity=settings.severity.get(rule.code) or finding.severity or rule.severity,
        message=finding.message,
        path=file.source.path,
        span=finding.span,
        layer=finding.layer,
        target=file.dialect.name,
        related=finding.related,
        fix=finding.fix,
    )


def _presented(file: LintFile, diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings in order; for text that is no net at all only the first that says so."""
    found = _sorted(diagnostics)
    if file.kind is FileKind.OTHER:
        errors = tuple(d for d in found if d.severity is Severity.ERROR)
        return errors[:1] or found
    return found


def _sorted(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda diagnostic: diagnostic.sort_key))
