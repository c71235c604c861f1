"""What a rule on text finds, and whether there is anything for it to find."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from protolint.lint.checked_file import CheckedFile
from protolint.lint.rule import NOTHING, Finding, Needs, Rule, Scope
from protolint.net.init import fault_kinds
from protolint.net.net import Net
from protolint.workspace.reading import LintFile

if TYPE_CHECKING:
    from protolint.net.solver import Solver

__all__ = ["findings_after", "findings_of"]


def findings_of(rule: Rule, file: LintFile) -> Iterable[Finding]:
    """Return what a rule finds in a file: in the file itself, its nets or its solver."""
    scope, needs = rule.scope, rule.needs
    if scope is Scope.NET:
        nets = [net for net in file.nets if _concerns_net(needs, net)]
        return chain.from_iterable(map(rule.check, nets)) if nets else ()
    if scope is Scope.SOLVER:
        if file.solver is not None and _concerns_solver(needs, file.solver):
            return rule.check(file.solver)
    elif scope is Scope.FILE and _concerns_file(needs, file):
        return rule.check(file)
    return ()


def findings_after(rule: Rule, checked: CheckedFile) -> Iterable[Finding]:
    """Return what a rule on checked files finds in one that all other rules have checked."""
    return rule.check(checked) if _concerns_checked(rule.needs, checked) else ()


def _concerns_net(needs: Needs, net: Net) -> bool:
    """Whether there is something in a net of what a rule needs to find anything."""
    if needs == NOTHING:
        return True
    # Every rule asks this of every net.
    types, words, faults, problems, sibling, _ = needs
    for name in types:
        if name in net.by_type:
            return True
    for word in words:
        if net.source.mentions(word):
            return True
    return (
        (bool(faults) and not fault_kinds(net).isdisjoint(faults))
        or (problems and (net.has_misfits or bool(fault_kinds(net))))
        or (sibling and net.sibling is not None)
    )


def _concerns_solver(needs: Needs, solver: Solver) -> bool:
    """Whether there is something in a solver of what a rule needs to find anything."""
    if needs == NOTHING or any(map(solver.source.mentions, needs.words)):
        return True
    from protolint.net.solver_faults import SolverKind
    from protolint.net.solver_init import solver_faults

    return bool(solver_faults(solver, *(SolverKind[name] for name in needs.faults)))


def _concerns_file(needs: Needs, file: LintFile) -> bool:
    """Whether there is something in a file of what a rule needs to find anything."""
    return (
        needs == NOTHING
        or (needs.problems and bool(file.problems or file.tree.problems or not file.tree.children))
        or any(map(file.source.mentions, needs.words))
        or not file.message.given.keys().isdisjoint(needs.fields)
    )


def _concerns_checked(needs: Needs, checked: CheckedFile) -> bool:
    """Whether there is something in a checked file of what a rule needs to find anything."""
    return (
        needs == NOTHING
        or any(map(checked.source.mentions, needs.words))
        or (needs.problems and bool(checked.disagreements))
    )
