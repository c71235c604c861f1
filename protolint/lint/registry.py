"""Finding the rules: the only place that knows where they live."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from protolint.diagnostic import Severity
from protolint.errors import ProtolintError, UsageError
from protolint.lint.plugins import find_plugins, load_plugin
from protolint.lint.rule import RULES, Finding, Rule, Scope

__all__ = ["all_rules", "find_rule", "known_rules", "text_rules"]

_PACKAGE = "protolint.rules"
#: The families whose modules are imported only where weights or a solver are checked.
_LATER = {"wt": Scope.WEIGHTS, "sv": Scope.SOLVER}

_NO_TEXT = {Scope.WEIGHTS, Scope.SNAPSHOTS, Scope.SOLVER}

_loaded = False


def known_rules() -> list[Rule]:
    """Every rule by code and name, those of plug-ins too, ordered by code.

    Our own rules for weights and solvers are not imported for it: of those only code, name,
    scope and module are to be trusted. Raises ProtolintError where the rules are not installed or a
    plug-in cannot be loaded.
    """
    global _loaded
    if not _loaded:
        try:
            package = importlib.import_module(_PACKAGE)
        except ModuleNotFoundError:
            raise ProtolintError(
                "the rules are not installed; in a checkout, run: pip install -e ."
            ) from None
        for module in _modules(package):
            if module[:2] in _LATER:
                _announce(module)
            elif not module.startswith("_"):
                importlib.import_module(f"{_PACKAGE}.{module}")
        for plugin in find_plugins():
            load_plugin(plugin)
        _loaded = True
    return [RULES[code] for code in sorted(RULES)]


def text_rules(*, solver: bool) -> list[Rule]:
    """Return the rules for prototxts, those for solvers only if one is checked. Raises as above."""
    left_out = {Scope.WEIGHTS, Scope.SNAPSHOTS} if solver else _NO_TEXT
    return [_imported(rule) for rule in known_rules() if rule.scope not in left_out]


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


def _announce(module: str) -> None:
    """Let a rule be known by its module's name, which says its code and its name."""
    code, _, name = module.partition("_")
    RULES.setdefault(
        code.upper(),
        Rule(
            code.upper(), name.replace("_", "-"), Severity.WARNING, _LATER[module[:2]],
            frozenset(), False, f"{_PACKAGE}.{module}", _nothing,
        ),
    )  # fmt: skip


def _nothing(_: Any) -> Iterator[Finding]:
    """Return what a rule finds before it is imported."""
    return iter(())


def _imported(rule: Rule) -> Rule:
    if rule.check is _nothing:
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
