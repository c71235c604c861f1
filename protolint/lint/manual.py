"""The manual page of a rule, made from its module: docstring and examples."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, Union

from protolint.lint.rule import Example, Invalid, Rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import plural

__all__ = [
    "beside", "examples", "fenced", "manual_page", "markdown_index", "markdown_page",
    "rule_as_dict", "summary_line",
]  # fmt: skip

_Valid: TypeAlias = Union[Example, WeightsExample]
_Invalid: TypeAlias = Union[Invalid, InvalidWeights]

#: What the rules of one family look at, in the order of the index.
_FAMILIES = {
    "PT": "Text and schema",
    "BN": "BatchNorm",
    "NT": "Nets",
    "SV": "Solvers",
    "WT": "Weights",
    "PL": "Comments to protolint",
}
_ISSUE = re.compile(r"(?:\b([\w-]+/[\w.-]+))?#(\d+)\b")
_CODE = re.compile(r"(`[^`]*`)")


def _docstring(rule: Rule) -> str:
    return inspect.cleandoc(importlib.import_module(rule.module).__doc__ or "")


def _summary(rule: Rule) -> str:
    return _docstring(rule).partition("\n")[0]


def examples(rule: Rule) -> tuple[tuple[_Valid, ...], tuple[_Invalid, ...]]:
    """Return the examples of a rule's module: where it stays quiet, where it fires."""
    module = importlib.import_module(rule.module)
    return tuple(getattr(module, "VALID", ())), tuple(getattr(module, "INVALID", ()))


def summary_line(rule: Rule) -> str:
    """Code, whether there is a fix, name, severity and the first line of the manual."""
    fix = "[*]" if _is_fixable(rule) else "   "
    return f"{rule.code}  {fix} {rule.name:<34} {rule.severity.value:<8} {_summary(rule)}"


def manual_page(rule: Rule) -> str:
    """Return the whole page as plain text."""
    lines = [
        f"{rule.code} {rule.name} ({rule.severity.value}, for {_dialects(rule)})",
        "",
        _docstring(rule),
    ]
    for example in examples(rule)[1][:1]:
        what = f"{_what(example)}, for" if isinstance(example, InvalidWeights) else "for"
        lines += ["", f"Example ({what} {example.target})", *_indented(example.text)]
        for name, text in beside(example):
            lines += ["", f"Beside it, {name}", *_indented(text)]
        if example.fixed is not None:
            lines += ["", "Fixed", *_indented(example.fixed)]
    return "\n".join(lines)


def rule_as_dict(rule: Rule) -> dict[str, Any]:
    """Return the rule and its page as plain data, for programs."""
    valid, invalid = examples(rule)
    return {
        "schema_version": 1,
        "code": rule.code,
        "name": rule.name,
        "fixable": _is_fixable(rule),
        "severity": rule.severity.value,
        "dialects": sorted(rule.dialects),
        "documentation": _docstring(rule),
        "invalid": [
            {**_as_dict(example), **_places(example), "fixed": example.fixed} for example in invalid
        ],
        "valid": [_as_dict(example) for example in valid],
    }


def markdown_page(rule: Rule) -> str:
    """Return the whole page as Markdown, with links to the issues it names."""
    lines = [
        f"# {rule.code} {rule.name}",
        "",
        _marked_up(_summary(rule)),
        "",
        "| severity | for | fix |",
        "|---|---|---|",
        f"| {rule.severity.value} | {_dialects(rule)} | {_fix_word(rule)} |",
    ]
    for line in _marked_up(_docstring(rule)).splitlines()[1:]:
        lines += [line.removeprefix("    ")] if line[:1] in ("", " ") else [f"## {line}", ""]
    lines += _examples_in_markdown(examples(rule)[1])
    return "\n".join(lines) + "\n"


def markdown_index(rules: Iterable[Rule]) -> str:
    """Return a table of rules by family as Markdown, each with a link to its page."""
    families: dict[str, list[Rule]] = {name: [] for name in _FAMILIES}
    for rule in rules:
        families.setdefault(rule.code.rstrip("0123456789"), []).append(rule)
    lines = [
        "# Rules",
        "",
        "The same pages offline: `protolint rule BN003`, or `protolint rule --all` for a list.",
    ]
    for family, members in families.items():
        if not members:
            continue
        title = _FAMILIES.get(family)
        lines += [
            "",
            f"## {family}: {title}" if title else f"## {family}",
            "",
            "| code | name | severity | for | fix | what it reports |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity.value} | "
            f"{_dialects(rule)} | {_fix_word(rule)} | {_marked_up(_summary(rule))} |"
            for rule in members
        ]
    return "\n".join(lines) + "\n"


def _examples_in_markdown(invalid: tuple[_Invalid, ...]) -> Iterator[str]:
    """Yield the first example, and the first with a fix where that is another."""
    shown = {"Example": next(iter(invalid), None)}
    fixable = next((example for example in invalid if example.fixed is not None), None)
    if fixable is not shown["Example"]:
        shown["Example with a fix"] = fixable
    for title, example in shown.items():
        if example is None:
            continue
        yield from ("", f"## {title}", "", _intro(example), "")
        yield from fenced("textproto", example.text)
        for name, text in beside(example):
            yield from ("", f"Beside it, `{name}`:", "", *fenced("textproto", text))
        if example.fixed is not None:
            yield from ("", "What the fix changes:", "")
            yield from fenced("diff", _difference(example.text, example.fixed))


def _intro(example: _Invalid) -> str:
    if isinstance(example, InvalidWeights):
        names = [f"layer `{name}`" for name in example.layers if name is not None]
        where = f"in {', '.join(names)}" if names else "for the file"
        return f"{_what(example)}, checked for `{example.target}`; reported {where}:"
    noun = plural(len(example.lines), "line")
    where = ", ".join(map(str, example.lines))
    return f"`{example.name}`, checked for `{example.target}`; reported at {noun} {where}:"


def _what(example: WeightsExample | InvalidWeights) -> str:
    """Return what is shown of a file that is no text."""
    form = "HDF5 with these layers" if example.hdf5 else "here as text"
    return f"`{example.name}`, {form}"


def beside(example: _Valid | _Invalid) -> list[tuple[str, str]]:
    """Return the other files of an example, by name."""
    net = "" if isinstance(example, (Example, Invalid)) else example.net
    return [*((("net.prototxt", net),) if net else ()), *example.others.items()]


def _places(example: _Invalid) -> dict[str, Any]:
    lines = {"lines": list(example.lines)}
    return lines if isinstance(example, Invalid) else {**lines, "layers": list(example.layers)}


def _difference(before: str, after: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
    return "\n".join(list(lines)[2:])


def fenced(language: str, text: str) -> list[str]:
    """Return the lines of a block of code in Markdown."""
    return [f"```{language}", *text.rstrip("\n").split("\n"), "```"]


def _marked_up(text: str) -> str:
    """Plain text as Markdown: nothing but code is mark-up, issues are links.

    A number alone, as in `BVLC/caffe#1, #2`, is an issue of the repository named before it.
    """
    repository = ""

    def link(match: re.Match[str]) -> str:
        nonlocal repository
        repository = match[1] or repository
        if not repository:
            return match[0]
        return f"[{match[0]}](https://github.com/{repository}/issues/{match[2]})"

    pieces = _CODE.split(text)
    for i in range(0, len(pieces), 2):
        pieces[i] = _ISSUE.sub(link, re.sub(r"([*<|\[\]\\])", r"\\\1", pieces[i]))
    return "".join(pieces)


def _as_dict(example: _Valid | _Invalid) -> dict[str, Any]:
    found = {
        "target": example.target,
        "name": example.name,
        "text": example.text,
        "others": dict(beside(example)),
    }
    if isinstance(example, (Example, Invalid)):
        return found
    return {**found, "hdf5": example.hdf5}


def _fix_word(rule: Rule) -> str:
    return "yes" if _is_fixable(rule) else "no"


def _is_fixable(rule: Rule) -> bool:
    return any(example.fixed is not None for example in examples(rule)[1])


def _dialects(rule: Rule) -> str:
    return ", ".join(sorted(rule.dialects)) or "every Caffe"


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in text.splitlines()]
