"""Check one prototxt: find its targets, run the rules on text, leave out what is suppressed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from weakref import WeakKeyDictionary

from protolint.diagnostic import Diagnostic, Repeat, Severity
from protolint.edit import Fix
from protolint.lint.checked_file import CheckedFile
from protolint.lint.file_report import FileReport
from protolint.lint.findings import TextRules, findings_after, findings_of
from protolint.lint.guessed_target import careful, holds_back
from protolint.lint.registry import known_rules
from protolint.lint.rule import Rule, Scope
from protolint.lint.select import Selection, selection_of
from protolint.lint.suppress import suppress
from protolint.lint.waiting_fixes import with_waiting_fixes
from protolint.net.init import verdicts
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Workspace

__all__ = ["check_readings", "check_source"]

#: Where the number goes: behind the first clause. Compiled when something is alike.
_CLAUSE = r"[:;] |$"
_TEXT = (Scope.FILE, Scope.NET, Scope.SOLVER, Scope.CHECKED_FILE)
#: What was chosen in each workspace, by all that decides about it: the same for most files.
_KNOWN: WeakKeyDictionary[Workspace, dict[tuple[object, ...], _ChosenRules]]
_KNOWN = WeakKeyDictionary()


def check_source(
    workspace: Workspace, source: Source, *, broken: frozenset[str] = frozenset()
) -> list[FileReport]:
    """Return one report on a prototxt for each of its targets.

    `broken` are the BatchNorms whose statistics its weights have broken, where they are at
    hand. Raises ConfigError for a configuration that is wrong, InputError for a schema that cannot
    be read.
    """
    return check_readings(workspace, workspace.readings(source), broken=broken)


def check_readings(
    workspace: Workspace, readings: Readings, *, broken: frozenset[str] = frozenset()
) -> list[FileReport]:
    """Return one report on a parsed prototxt for each of its targets, as check_source does."""
    source = readings.tree.source
    selection = selection_of(workspace, source.path)
    targets = workspace.targets(readings)
    chosen = [_rules_for(workspace, selection, readings, target) for target in targets]
    if broken:
        for net in (net for target in targets for net in readings.read(target.dialect).nets):
            net.broken_statistics = broken
    # Findings for several targets are shown as one where their edits are the same.
    edits = workspace.choices.edits or len(targets) > 1
    found = [
        _found(readings.read(target.dialect), target, those.by_need, selection, edits=edits)
        for target, those in zip(targets, chosen, strict=True)
    ]
    ran = frozenset().union(*(those.codes for those in chosen))
    outcome = suppress(source, readings.directives, found, ran)
    reports = [
        _report(readings.read(target.dialect), target, kept, outcome.suppressed)
        for target, kept in zip(targets, outcome.kept, strict=True)
    ]
    disagreements = [t.disagreement for t in targets if t.disagreement is not None]
    checked = CheckedFile(source, tuple(outcome.unused), tuple(disagreements))
    more = [
        selection.diagnostic(rule, finding, source.path, targets[0].dialect.name)
        for rule in {rule.code: rule for those in chosen for rule in those.after}.values()
        for finding in findings_after(rule, checked)
    ]
    if more:
        # They are about the file, not about one of its targets.
        reports[0] = reports[0]._replace(diagnostics=_sorted([*reports[0].diagnostics, *more]))
    return reports


def _report(file: LintFile, target: Target, kept: list[Diagnostic], suppressed: int) -> FileReport:
    """Return the report on a file for one target, by the findings that are left of its own."""
    return FileReport(
        file.source,
        file.kind,
        target,
        file.accepted,
        _presented(file, with_waiting_fixes(_merged(kept))),
        suppressed,
        _builds(file),
        build=file.build,
        left_out=sum(len(net.left_out) for net in file.nets),
    )


def _builds(file: LintFile) -> dict[str, bool | None] | None:
    """Return whether a net, or a solver with its nets, is built, by states; None for neither."""
    if file.solver is not None:
        from protolint.net.solver_init import solver_verdicts

        found = solver_verdicts(file.solver)
    elif file.kind is FileKind.NET:
        (net,) = file.nets
        found = {**verdicts(net), **dict.fromkeys(map(str, net.left_out))}
    else:
        return None
    return found if file.accepted else dict.fromkeys(found, False)


def _found(
    file: LintFile, target: Target, rules: TextRules, selection: Selection, *, edits: bool
) -> list[Diagnostic]:
    """Return what rules find in a file as its target reads it; their fixes with `edits` or bare."""
    found = []
    for rule, finding in findings_of(rules, file):
        fix = finding.fix
        if fix is not None:
            trust = careful(file, target, rule.code, fix)
            finding = finding._replace(fix=Fix(fix.title, fix.edits if edits else (), trust))
        found.append(selection.diagnostic(rule, finding, file.source.path, file.dialect.name))
    return found


def _presented(file: LintFile, diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the findings in order; for text that is no net at all only what shows that.

    That is the first error, and the first one of syntax: a fix of the former does not break a
    file that is broken already.
    """
    found = _sorted(diagnostics)
    if file.kind is FileKind.OTHER:
        errors = tuple(d for d in found if d.severity is Severity.ERROR)
        syntax = (d for d in errors[1:] if d.code == "PT001" and errors[0].code != "PT001")
        return (*errors[:1], *islice(syntax, 1)) or found
    return found


def _merged(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the findings, those that are alike as one at the first place."""
    groups: dict[tuple[str, str], list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        if diagnostic.alike:
            groups.setdefault((diagnostic.code, diagnostic.alike), []).append(diagnostic)
    found = [diagnostic for diagnostic in diagnostics if not diagnostic.alike]
    for group in groups.values():
        first = min(group, key=lambda one: one.span.start)
        found.append(first if len(group) == 1 else _one(first, group))
    return found


def _one(first: Diagnostic, group: list[Diagnostic]) -> Diagnostic:
    place = re.search(_CLAUSE, first.message)
    at = place.start() if place is not None else len(first.message)
    message = f"{first.message[:at]} ({len(group)} times){first.message[at:]}"
    fix = first.fix
    if fix is not None:
        fixes = [one.fix for one in group if one.fix is not None and one.fix.title == fix.title]
        fix = fix._replace(edits=tuple(dict.fromkeys(e for f in fixes for e in f.edits)))
    repeats = tuple(Repeat(one.span, one.layer) for one in group if one is not first)
    return first._replace(message=message, fix=fix, repeats=repeats)


def _sorted(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda diagnostic: diagnostic.sort_key))


class _ChosenRules(NamedTuple):
    """The rules on text that are selected for a file and a target.

    `codes` are those of all, `by_need` the ones that can run on it, `after` those that run when
    it has been checked.
    """

    codes: frozenset[str]
    by_need: TextRules
    after: tuple[Rule, ...]


def _rules_for(
    workspace: Workspace, selection: Selection, readings: Readings, target: Target
) -> _ChosenRules:
    """Return the rules on text that are selected for a file and one of its targets."""
    path, broken = readings.tree.source.path, readings.tree.broken
    dialect = target.dialect.name
    key = (selection.select, selection.ignored(path), dialect, target.is_misfit, broken)
    known = _KNOWN.setdefault(workspace, {})
    found = known.get(key)
    if found is None:
        selected = selection.selector(path)
        rules = [
            rule
            for rule in known_rules()
            if rule.scope in _TEXT and selected(rule.code) and rule.applies_to(dialect)
        ]
        can_run = [
            rule for rule in rules if (rule.reader or not broken) and not holds_back(rule, target)
        ]
        found = known[key] = _ChosenRules(
            frozenset(rule.code for rule in rules),
            TextRules.of(can_run),
            tuple(rule for rule in rules if rule.scope is Scope.CHECKED_FILE),
        )
    return found
