"""What rules on text find, each asked only where there is something for it to find."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from protolint.lint.checked_file import CheckedFile
from protolint.lint.rule import NOTHING, Finding, Rule, Scope
from protolint.net.init import fault_kinds
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.workspace.reading import LintFile

if TYPE_CHECKING:
    from protolint.net.solver import Solver

__all__ = ["TextRules", "findings_after", "findings_of"]

_Rules: TypeAlias = Mapping[str, Rule]


class _ByNeed(NamedTuple):
    """Rules of one scope by what there must be for them to find anything (Needs)."""

    always: _Rules
    types: Mapping[str, _Rules]
    words: Mapping[str, _Rules]
    faults: Mapping[str, _Rules]
    problems: _Rules
    sibling: _Rules
    fields: Mapping[str, _Rules]

    @classmethod
    def of(cls, rules: Iterable[Rule], scope: Scope) -> _ByNeed:
        """Return those of the rules that are of a scope."""
        there = [rule for rule in rules if rule.scope is scope]
        return cls(
            {rule.code: rule for rule in there if rule.needs == NOTHING},
            _grouped((name, rule) for rule in there for name in rule.needs.types),
            _grouped((word, rule) for rule in there for word in rule.needs.words),
            _grouped((kind, rule) for rule in there for kind in rule.needs.faults),
            {rule.code: rule for rule in there if rule.needs.problems},
            {rule.code: rule for rule in there if rule.needs.sibling},
            _grouped((name, rule) for rule in there for name in rule.needs.fields),
        )


def _grouped(pairs: Iterable[tuple[str, Rule]]) -> Mapping[str, _Rules]:
    found: dict[str, dict[str, Rule]] = {}
    for need, rule in pairs:
        found.setdefault(need, {})[rule.code] = rule
    return found


class TextRules(NamedTuple):
    """Rules on text by what they look at and need, so that one look at a file tells which to ask.

    They are the same for nearly every file of a run, and many rules need one thing.
    """

    of_file: _ByNeed
    of_net: _ByNeed
    of_solver: _ByNeed

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> TextRules:
        """Return rules by what they look at and need."""
        there = list(rules)
        return cls(*(_ByNeed.of(there, scope) for scope in (Scope.FILE, Scope.NET, Scope.SOLVER)))


def findings_of(rules: TextRules, file: LintFile) -> Iterator[tuple[Rule, Finding]]:
    """Yield what rules find in a file, in its nets and its solver, in the order of their codes."""
    asked: list[tuple[Rule, object]] = []
    asked += [(rule, file) for rule in _about_file(rules.of_file, file).values()]
    asked += [(rule, net) for net in file.nets for rule in _about_net(rules.of_net, net).values()]
    if file.solver is not None:
        about = _about_solver(rules.of_solver, file.solver)
        asked += [(rule, file.solver) for rule in about.values()]
    asked.sort(key=_code)
    for rule, subject in asked:
        for finding in rule.check(subject):
            yield rule, finding


def _code(asked: tuple[Rule, object]) -> str:
    return asked[0].code


def findings_after(rule: Rule, checked: CheckedFile) -> Iterable[Finding]:
    """Return what a rule on checked files finds in one that all other rules have checked."""
    needs = rule.needs
    concerns = (
        needs == NOTHING
        or any(map(checked.source.mentions, needs.words))
        or (needs.problems and bool(checked.disagreements))
    )
    return rule.check(checked) if concerns else ()


def _about_file(rules: _ByNeed, file: LintFile) -> _Rules:
    """Return the rules that may find something in a file."""
    found = _mentioned(rules, file.source)
    if file.problems or file.tree.problems or not file.tree.children:
        found.update(rules.problems)
    _add(found, rules.fields, file.message.given.keys())
    return found


def _about_net(rules: _ByNeed, net: Net) -> _Rules:
    """Return the rules that may find something in a net."""
    found = _mentioned(rules, net.source)
    _add(found, rules.types, net.by_type)
    if rules.faults:
        _add(found, rules.faults, fault_kinds(net))
    if rules.problems and (net.has_misfits or fault_kinds(net)):
        found.update(rules.problems)
    if rules.sibling and net.sibling is not None:
        found.update(rules.sibling)
    return found


def _about_solver(rules: _ByNeed, solver: Solver) -> _Rules:
    """Return the rules that may find something in a solver."""
    found = _mentioned(rules, solver.source)
    if rules.faults:
        from protolint.net.solver_faults import SolverKind
        from protolint.net.solver_init import solver_faults

        faults = solver_faults(solver, *SolverKind)
        _add(found, rules.faults, {fault.kind.name for fault in faults})
    return found


def _mentioned(rules: _ByNeed, source: Source) -> dict[str, Rule]:
    """Return the rules that need nothing, and those that need a word which a text has."""
    found = dict(rules.always)
    for word, those in rules.words.items():
        if source.mentions(word):
            found.update(those)
    return found


def _add(found: dict[str, Rule], rules: Mapping[str, _Rules], there: Container[str]) -> None:
    """Add the rules that need something which is there."""
    for need, those in rules.items():
        if need in there:
            found.update(those)
