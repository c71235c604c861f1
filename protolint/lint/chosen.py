"""Which rules on text are for a file and a target: chosen once for all files that are alike."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from protolint.lint.findings import TextRules
from protolint.lint.guessed_target import holds_back
from protolint.lint.registry import known_rules
from protolint.lint.rule import Rule, Scope
from protolint.lint.select import selection_of
from protolint.record import NamedTuple
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Workspace

__all__ = ["ChosenRules", "rules_for"]

_TEXT = (Scope.FILE, Scope.NET, Scope.SOLVER, Scope.CHECKED_FILE)


class ChosenRules(NamedTuple):
    """The rules on text that are selected for a file and a target.

    `codes` are those of all, `by_need` the ones that can run on it, `after` those that run when
    it has been checked.
    """

    codes: frozenset[str]
    by_need: TextRules
    after: tuple[Rule, ...]


#: What was chosen in each workspace, by all that decides about it: the same for most files.
_KNOWN: WeakKeyDictionary[Workspace, dict[tuple[object, ...], ChosenRules]] = WeakKeyDictionary()


def rules_for(workspace: Workspace, readings: Readings, target: Target) -> ChosenRules:
    """Return the rules on text that are selected for a file and one of its targets.

    Raises ConfigError for a configuration that names an unknown rule.
    """
    path, broken = readings.tree.source.path, readings.tree.broken
    selection = selection_of(workspace, path)
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
        found = known[key] = ChosenRules(
            frozenset(rule.code for rule in rules),
            TextRules.of(can_run),
            tuple(rule for rule in rules if rule.scope is Scope.CHECKED_FILE),
        )
    return found
