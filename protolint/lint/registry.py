"""Finding the rules: the only place that knows where they live."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from protolint.diagnostic import Severity
from protolint.errors import ProtolintError, UsageError
from protolint.lint.plugins import find_plugins, load_plugin
from protolint.lint.rule import RULES, Finding, Needs, Rule, Scope

__all__ = ["all_rules", "find_rule", "known_rules"]

_PACKAGE = "protolint.rules"
#: The module in the package that lists what the others say of themselves (gen_rule_docs.py).
_INDEX = "_index"

_loaded = False


def known_rules() -> list[Rule]:
    """Every rule by code and name, those of plug-ins too, ordered by code.

    Our own rules are not imported for it: the index of the package knows them, and their
    functions import them when they are called. Raises ProtolintError where the rules are not
    installed or a plug-in cannot be loaded.
    """
    global _loaded
    if not _loaded:
        try:
            package = importlib.import_module(_PACKAGE)
        except ModuleNotFoundError:
            raise ProtolintError(
                "the rules are not installed; in a checkout, run: pip install -e ."
            ) from None
        rows = importlib.import_module(f"{_PACKAGE}.{_INDEX}").ROWS
        new = dict.fromkeys(_modules(package))
        for row in rows:
            if row[0] in new:
                del new[row[0]]
                _announce(*row)
        # Those that a developer is at work on.
        for module in new:
            if not module.startswith("_"):
                importlib.import_module(f"{_PACKAGE}.{module}")
        for plugin in find_plugins():
            load_plugin(plugin)
        _loaded = True
    return [RULES[code] for code in sorted(RULES)]


def all_rules() -> list[Rule]:
    """Every rule with all that its module says, ordered by code. Raises as known_rules."""
    return [_imported(rule) for rule in known_rules()]


def _modules(package: ModuleType) -> list[str]:
    """Return the names of the modules in a package.

    From its folder where it has one: importing pkgutil takes longer than looking.
    """
    try:
        names = [name for folder in package.__path__ for name in os.listdir(folder)]
    except OSError:
        names = []
    found = sorted(name[:-3] for name in names if name.endswith(".py"))
    if not found:
        import pkgutil

        found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return found


def _announce(
    name: str,
    severity: str,
    scope: str,
    reader: bool,
    dialects: tuple[str, ...],
    needs: tuple[Any, ...],
) -> None:
    """Let a rule be known by what the index says of its module."""
    module = f"{_PACKAGE}.{name}"
    code, _, title = name.partition("_")
    code = code.upper()

    def check(subject: Any) -> Iterator[Finding]:
        return _imported(RULES[code]).check(subject)

    RULES.setdefault(
        code,
        Rule(
            code, title.replace("_", "-"), Severity(severity), Scope(scope),
            frozenset(dialects), reader, module, check, Needs(*needs),
        ),
    )  # fmt: skip


def _imported(rule: Rule) -> Rule:
    if rule.module not in sys.modules:
        importlib.import_module(rule.module)
    return RULES[rule.code]


def find_rule(code: str) -> Rule:
    """Return the rule of a code or name, in any case. Raises UsageError with the nearest one."""
    rules = known_rules()
    wanted = code.strip().lower()
    for rule in rules:
        if wanted in (rule.code.lower(), rule.name):
            return _imported(rule)
    from protolint.suggest import did_you_mean

    names = [rule.code for rule in rules] + [rule.name for rule in rules]
    hint = did_you_mean(code, names)
    raise UsageError(f"there is no rule '{code}'{hint}; protolint rule --all lists them")
