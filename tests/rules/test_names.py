"""A rule is named for the fault that it finds, not for the cure: `missing-scale-filler`."""

from __future__ import annotations

import re

from protolint.lint.registry import known_rules

#: Words that begin or end the name of a cure, or of what is looked at.
_CURE = re.compile(
    r"(?:avoid|consider|do-not|must|no|prefer|remove|rewrite|should|use|uses)-.*|.*-used"
)


def test_rules_are_named_for_the_fault() -> None:
    names = [rule.name for rule in known_rules()]
    assert len(names) > 100
    assert [name for name in names if _CURE.fullmatch(name)] == []
    assert _CURE.fullmatch("use-scale-filler")


def test_names_and_codes_are_alone_of_their_kind() -> None:
    rules = known_rules()
    assert len({rule.name for rule in rules}) == len({rule.code for rule in rules}) == len(rules)
    assert [
        rule.name for rule in rules if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)+", rule.name)
    ] == []
