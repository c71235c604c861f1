"""From what a user writes to the rules that are meant."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.errors import UsageError
from protolint.lint.registry import known_rules
from protolint.suggest import did_you_mean

__all__ = ["codes_of"]


def codes_of(names: Iterable[str]) -> frozenset[str]:
    """The codes of the rules that names mean: a code, a rule's name, a family, or ALL.

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
