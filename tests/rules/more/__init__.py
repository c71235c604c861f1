"""Examples of rules beside those in the rule's own module, which its page and the wheel show.

The module `bn005` here has `VALID` and `INVALID` as the module of BN005 has. Each example shows a
condition that none of the rule's own shows; scripts/mutate_rules.py runs both.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from protolint.lint import manual
from protolint.lint.rule import Rule


def more_examples(code: str) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the examples that stand here for a rule: where it stays quiet, where it fires."""
    if not Path(__file__).with_name(f"{code.lower()}.py").exists():
        return (), ()
    module = importlib.import_module(f"{__name__}.{code.lower()}")
    return tuple(getattr(module, "VALID", ())), tuple(getattr(module, "INVALID", ()))


def examples(rule: Rule) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return all examples of a rule: those of its module, then those here."""
    valid, invalid = manual.examples(rule)
    quiet, firing = more_examples(rule.code)
    return (*valid, *quiet), (*invalid, *firing)
