"""Finding the rules: the only place that knows where they live."""

from __future__ import annotations

import importlib
import pkgutil

from protolint.errors import ProtolintError, UsageError
from protolint.lint.plugins import find_plugins, load_plugin
from protolint.lint.rule import RULES, Rule

__all__ = ["all_rules", "find_rule"]

_loaded = False


def all_rules() -> list[Rule]:
    """Every rule, those of plug-ins too, ordered by code.

    Raises ProtolintError where the rules are not installed or a plug-in cannot be loaded.
    """
    global _loaded
    if not _loaded:
        try:
            package = importlib.import_module("protolint.rules")
        except ModuleNotFoundError:
            raise ProtolintError(
                "the rules are not installed; in a checkout, run: pip install -e ."
            ) from None
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"protolint.rules.{module.name}")
        for plugin in find_plugins():
            load_plugin(plugin)
        _loaded = True
    return [RULES[code] for code in sorted(RULES)]


def find_rule(code: str) -> Rule:
    """The rule of a code or name, in any case. Raises UsageError with the nearest one."""
    rules = all_rules()
    wanted = code.strip().lower()
    for rule in rules:
        if wanted in (rule.code.lower(), rule.name):
            return rule
    from protolint.lint.suggest import did_you_mean

    names = [rule.code for rule in rules] + [rule.name for rule in rules]
    hint = did_you_mean(code, names)
    raise UsageError(f"there is no rule '{code}'{hint}; protolint rule --all lists them")
