"""Check files of a workspace: read, find the targets, run the rules, suppress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, Union

from protolint.diagnostic import Diagnostic, Severity
from protolint.errors import InputError, ProtolintError, UsageError
from protolint.lint.file_report import FileReport
from protolint.lint.guess import holds_back, with_careful_fixes, with_waiting_fixes
from protolint.lint.merge import merged
from protolint.lint.registry import known_rules
from protolint.lint.rule import NOTHING, Finding, Needs, Rule, Scope
from protolint.lint.run import Run
from protolint.lint.select import Selection, selection_of
from protolint.lint.shown_by_weights import ask_weights
from protolint.lint.suppress import suppress
from protolint.net.init import fault_kinds, verdicts
from protolint.net.net import Net
from protolint.source import Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import LintFile, Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Choices, Workspace

if TYPE_CHECKING:
    from protolint.lint.check_weights import GivenNet
    from protolint.net.solver import Solver

__all__ = [
    "broken_statistics", "check_files", "check_readings", "check_source", "check_with_weights",
    "findings_of",
]  # fmt: skip


#: Gives what is called with a path, the bytes done and all bytes; None where nobody would see it.
ProgressBar: TypeAlias = Callable[
    [], AbstractContextManager[Union[Callable[[str, int, int], None], None]]
]

_TEXT = (Scope.FILE, Scope.NET, Scope.SOLVER, Scope.RUN)


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
    selected = selection.selector(source.path)
    rules = [rule for rule in known_rules() if rule.scope in _TEXT and selected(rule.code)]
    targets = workspace.targets(readings)
    if broken:
        for net in (net for target in targets for net in readings.read(target.dialect).nets):
            net.broken_statistics = broken
    checked = [
        (target, _found(readings.read(target.dialect), target, rules, selection))
        for target in targets
    ]
    names = [target.dialect.name for target, _ in checked]
    ran = {rule.code for rule in rules if any(map(rule.applies_to, names))}
    outcome = suppress(source, readings.directives, (found for _, found in checked), ran)
    reports = []
    for (target, _), kept in zip(checked, outcome.kept, strict=True):
        file = readings.read(target.dialect)
        found = tuple(_presented(file, with_waiting_fixes(merged(kept))))
        reports.append(
            FileReport(
                source,
                file.kind,
                target,
                file.accepted,
                found,
                outcome.suppressed,
                _builds(file),
                build=file.build,
                left_out=sum(len(net.left_out) for net in file.nets),
            )
        )
    disagreements = [t.disagreement for t, _ in checked if t.disagreement is not None]
    run = Run(source, tuple(outcome.unused), tuple(disagreements))
    more = [
        selection.diagnostic(rule, finding, source.path, names[0])
        for rule in rules
        if rule.scope is Scope.RUN and rule.code in ran and _regards(run, rule.needs)
        for finding in rule.check(run)
    ]
    if more:
        # They are about the file, not about one of its targets.
        reports[0] = reports[0]._replace(diagnostics=_sorted([*reports[0].diagnostics, *more]))
    return reports


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
    file: LintFile, target: Target, rules: list[Rule], selection: Selection
) -> list[Diagnostic]:
    """Return what each rule that can run on a file finds in it."""
    name = file.dialect.name
    broken = file.tree.broken
    found = [
        selection.diagnostic(rule, finding, file.source.path, name)
        for rule in rules
        if rule.applies_to(name) and (rule.reader or not broken) and not holds_back(rule, target)
        for finding in findings_of(rule, file)
    ]
    return with_careful_fixes(file, target, found)


def findings_of(rule: Rule, file: LintFile) -> Iterator[Finding]:
    """Yield what a rule on text finds in a file: in the file, its nets or its solver."""
    if rule.scope is Scope.NET:
        for net in file.nets:
            if _has(net, rule.needs):
                yield from rule.check(net)
    elif rule.scope is Scope.SOLVER:
        if file.solver is not None and _concerns(file.solver, rule.needs):
            yield from rule.check(file.solver)
    elif rule.scope is Scope.FILE and (rule.needs == NOTHING or _fits(file, rule.needs)):
        yield from rule.check(file)


def _has(net: Net, needs: Needs) -> bool:
    """Whether there is something in a net of what a rule needs to find anything."""
    if needs == NOTHING:
        return True
    return (
        any(map(net.has_type, needs.types))
        or any(map(net.source.mentions, needs.words))
        or (bool(needs.faults) and not fault_kinds(net).isdisjoint(needs.faults))
        or (needs.problems and (net.has_misfits or bool(fault_kinds(net))))
        or (needs.sibling and net.sibling is not None)
    )


def _concerns(solver: Solver, needs: Needs) -> bool:
    """Whether there is something in a solver of what a rule needs to find anything."""
    if needs == NOTHING or any(map(solver.source.mentions, needs.words)):
        return True
    from protolint.net.solver_faults import SolverKind
    from protolint.net.solver_init import solver_faults

    return bool(solver_faults(solver, *(SolverKind[name] for name in needs.faults)))


def _regards(run: Run, needs: Needs) -> bool:
    """Whether there is something in a finished run of what a rule needs to find anything."""
    return (
        needs == NOTHING
        or any(map(run.source.mentions, needs.words))
        or (needs.problems and bool(run.disagreements))
    )


def _fits(file: LintFile, needs: Needs) -> bool:
    """Whether there is something in a file of what a rule needs to find anything."""
    return (
        needs.problems and bool(file.problems or file.tree.problems or not file.tree.children)
    ) or any(map(file.source.mentions, needs.words))


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


def _sorted(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda diagnostic: diagnostic.sort_key))


def check_files(
    workspace: Workspace,
    files: Sequence[str],
    report: Callable[[ProtolintError], None],
    *,
    weights: Sequence[str] = (),
    jobs: int = 1,
    progress: ProgressBar = nullcontext,
) -> list[FileReport]:
    """Return the reports of every file, in order; of a net, those of its weights too.

    A file that cannot be read does not stop the others: `report` is called with the error.
    `weights` are weight files to be checked with each net. `jobs` is the number of processes, 0 for
    as many as pay. Raises ConfigError for a configuration that is wrong, InputError for a schema
    that cannot be read.
    """
    if jobs != 1 and len(files) > 1:
        from protolint.lint.jobs import in_processes, workers_for

        workers = workers_for(files, jobs)
        if workers > 1:
            work = partial(_check_share, workspace.choices, files, weights)
            return _gathered(in_processes(work, files, workers), report)
    reports: list[FileReport] = []
    for path in files:
        try:
            source = workspace.source_or_weights(path)
        except InputError as error:
            report(error)
            continue
        if source is not None:
            reports += check_with_weights(workspace, source, report, weights, progress)
            continue
        if weights:
            report(UsageError(f"{path}: weights, and --weights goes with a net"))
        reports += _weights(workspace, path, report, progress)
    return reports


def _check_share(
    choices: Choices, files: Sequence[str], weights: Sequence[str], share: list[str]
) -> tuple[list[FileReport], list[ProtolintError]]:
    """Return the reports of some of the files, in a process of their own, and the errors."""
    workspace = Workspace(choices)
    workspace.pair(files)
    errors: list[ProtolintError] = []
    return check_files(workspace, share, errors.append, weights=weights), errors


def _gathered(
    shares: Iterable[tuple[list[FileReport], list[ProtolintError]]],
    report: Callable[[ProtolintError], None],
) -> list[FileReport]:
    reports: list[FileReport] = []
    for found, errors in shares:
        reports += found
        for error in errors:
            report(error)
    return reports


def check_with_weights(
    workspace: Workspace,
    source: Source,
    report: Callable[[ProtolintError], None],
    weights: Sequence[str],
    progress: ProgressBar = nullcontext,
) -> list[FileReport]:
    """Return the reports of a net, and those of the weights that were given for it."""
    readings = workspace.readings(source)
    ask_weights(workspace, readings, weights)
    of_weights = _of_weights(workspace, readings, report, weights, progress)
    broken = broken_statistics(of_weights)
    return [*check_readings(workspace, readings, broken=broken), *of_weights]


def _of_weights(
    workspace: Workspace,
    readings: Readings,
    report: Callable[[ProtolintError], None],
    weights: Sequence[str],
    progress: ProgressBar,
) -> list[FileReport]:
    """Return the reports of the weights that were given for a net."""
    if not weights:
        return []
    from protolint.lint.check_weights import GivenNet

    given = GivenNet(readings, workspace.targets(readings))
    return [
        found for path in weights for found in _weights(workspace, path, report, progress, given)
    ]


def broken_statistics(reports: Iterable[FileReport]) -> frozenset[str]:
    """Return the BatchNorms whose stored statistics are not to be used, by reports on weights."""
    return frozenset().union(*(report.broken for report in reports))


def _weights(
    workspace: Workspace,
    path: str,
    report: Callable[[ProtolintError], None],
    progress: ProgressBar,
    given: GivenNet | None = None,
) -> list[FileReport]:
    """Return the reports of a weight file; none where it cannot be read, which is reported."""
    from protolint.lint.check_weights import check_weights

    try:
        with progress() as show:
            return check_weights(workspace, path, given, progress=show)
    except (InputError, UsageError) as error:
        report(error)
        return []
