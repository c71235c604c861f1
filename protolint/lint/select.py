"""From what a user writes to the rules that are meant, and how bad their findings are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakKeyDictionary

from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import LaterEdits
from protolint.errors import ConfigError, UsageError
from protolint.lint.registry import known_rules
from protolint.lint.rule import Finding, Rule
from protolint.record import NamedTuple
from protolint.suggest import did_you_mean
from protolint.workspace.settings import RuleNames, Settings
from protolint.workspace.workspace import Workspace

__all__ = ["Selection", "codes_of", "require_known", "selection_of"]


def codes_of(names: Iterable[str]) -> frozenset[str]:
    """Return the codes of the rules that names mean: a code, a rule's name, a family, or ALL.

    Raises UsageError, with the nearest one, for a name that means no rule.
    """
    rules = known_rules()
    found: set[str] = set()
    for name in names:
        wanted = name.strip().upper()
        if wanted == "ALL":
            return frozenset(rule.code for rule in rules)
        meant = {
            rule.code
            for rule in rules
            if rule.name == name.strip().lower()
            or rule.code == wanted
            or (wanted.isalpha() and rule.code.rstrip("0123456789") == wanted)
        }
        if not meant:
            known = [rule.code for rule in rules] + [rule.name for rule in rules]
            raise UsageError(f"there is no rule '{name}'{did_you_mean(name, known)}")
        found |= meant
    return frozenset(found)


class Selection(NamedTuple):
    """The rules that run on the files of one folder, by their codes.

    `select` is None where every rule runs. `per_file_ignores` go by pattern.
    """

    settings: Settings
    select: frozenset[str] | None
    ignore: frozenset[str]
    per_file_ignores: Mapping[str, frozenset[str]]
    severity: Mapping[str, Severity]

    def selector(self, path: str) -> Callable[[str], bool]:
        """Return whether a rule runs on a file, by its code."""
        select, ignored = self.select, self.ignored(path)
        return lambda code: code not in ignored and (select is None or code in select)

    def ignored(self, path: str) -> frozenset[str]:
        """Return the codes that are left out in a file."""
        patterns = self.per_file_ignores.items()
        found = [codes for pattern, codes in patterns if self.settings.matches(path, pattern)]
        return self.ignore.union(*found) if found else self.ignore

    def diagnostic(self, rule: Rule, finding: Finding, path: str, target: str | None) -> Diagnostic:
        """Return what is reported of a finding: as bad as configured, else as the rule says.

        Edits that were to be made later are made: a report holds nothing of its file but the text.
        """
        fix = finding.fix
        if fix is not None and isinstance(fix.edits, LaterEdits):
            fix = fix._replace(edits=tuple(fix.edits))
        return Diagnostic(
            code=rule.code,
            name=rule.name,
            severity=self.severity.get(rule.code) or finding.severity or rule.severity,
            message=finding.message,
            path=path,
            span=finding.span,
            layer=finding.layer,
            target=target,
            related=finding.related,
            fix=fix,
            alike=finding.alike,
        )


#: The selections of each workspace by folder: the same for every file in it.
_KNOWN: WeakKeyDictionary[Workspace, dict[str, Selection]] = WeakKeyDictionary()


def selection_of(workspace: Workspace, path: str) -> Selection:
    """Return the rules that run on the files of a file's folder.

    Raises ConfigError for a configuration that names an unknown rule.
    """
    folders = _KNOWN.setdefault(workspace, {})
    folder = os.path.dirname(path)
    known = folders.get(folder)
    if known is None:
        known = folders[folder] = _selected(workspace, workspace.settings(path))
    return known


def require_known(workspace: Workspace, files: Iterable[str]) -> None:
    """Raise ConfigError where the configuration of some file names an unknown rule."""
    for path in {os.path.dirname(path): path for path in files}.values():
        selection_of(workspace, path)


def _selected(workspace: Workspace, settings: Settings) -> Selection:
    """Resolve the names of a configuration, changed as the caller chose."""
    choices = workspace.choices
    select = None if settings.select is None else _codes(settings.select)
    ignore = _codes(settings.ignore)
    if choices.select is not None:
        select, ignore = choices.select, frozenset()
    return Selection(
        settings,
        None if select is None else select | choices.extend_select,
        (ignore - choices.extend_select) | choices.ignore,
        {pattern: _codes(names) for pattern, names in settings.per_file_ignores.items()},
        {code: level for names, level in settings.severity for code in _codes(names)},
    )


def _codes(names: RuleNames) -> frozenset[str]:
    try:
        return codes_of(names.names)
    except UsageError as error:
        from protolint.workspace.config_keys import located

        place = located(names.path, names.key)
        raise ConfigError(f"{place}: '{names.key}': {error}") from None
