"""The manual page of a rule, made from its module: docstring and examples."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from protolint.lint.rule import Example, Invalid, Rule

__all__ = ["examples", "manual_page", "rule_as_dict", "summary_line"]


def _docstring(rule: Rule) -> str:
    return inspect.cleandoc(importlib.import_module(rule.module).__doc__ or "")


def examples(rule: Rule) -> tuple[tuple[Example, ...], tuple[Invalid, ...]]:
    """The examples of a rule's module: where it stays quiet, where it fires."""
    module = importlib.import_module(rule.module)
    return tuple(module.VALID), tuple(module.INVALID)


def summary_line(rule: Rule) -> str:
    """Code, name, severity and the first line of the manual."""
    summary = _docstring(rule).partition("\n")[0]
    return f"{rule.code}  {rule.name:<28} {rule.severity.value:<8} {summary}"


def manual_page(rule: Rule) -> str:
    """The whole page as plain text."""
    _, invalid = examples(rule)
    first = invalid[0]
    lines = [
        f"{rule.code} {rule.name} ({rule.severity.value}, for {_dialects(rule)})",
        "",
        _docstring(rule),
        "",
        f"Example (for {first.target})",
        *_indented(first.text),
    ]
    if first.fixed is not None:
        lines += ["", "Fixed", *_indented(first.fixed)]
    return "\n".join(lines)


def rule_as_dict(rule: Rule) -> dict[str, Any]:
    """The rule and its page as plain data, for programs."""
    valid, invalid = examples(rule)
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "dialects": sorted(rule.dialects),
        "documentation": _docstring(rule),
        "invalid": [
            {"target": i.target, "text": i.text, "lines": list(i.lines), "fixed": i.fixed}
            for i in invalid
        ],
        "valid": [{"target": e.target, "text": e.text} for e in valid],
    }


def _dialects(rule: Rule) -> str:
    return ", ".join(sorted(rule.dialects)) or "every Caffe"


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]
