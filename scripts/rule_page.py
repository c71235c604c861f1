"""The page of a rule on the site: its manual, what a check prints, and what Caffe says there."""

from __future__ import annotations

import contextlib
import importlib
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from inside import inside
from run_examples import Runner

from protolint.caffe.registry import AUTO
from protolint.cli import exit_code_of
from protolint.lint.manual import beside, examples, fenced, markdown_page
from protolint.lint.rule import Example, Invalid, Rule, Scope
from protolint.lint.weights_example import InvalidWeights, WeightsExample

#: Caffe and message, for each case of a rule.
Messages = Mapping[str, Sequence[Sequence[str]]]

_KINDS = {Invalid: (Example,), InvalidWeights: (WeightsExample,)}


def page(rule: Rule, messages: Messages) -> str:
    """Return the page as Markdown.

    Args:
        rule: The rule; its first example is the one that is shown.
        messages: What ``docs/rules/messages.toml`` holds.
    """
    added = [*_printed(rule), *_right(rule), *_messages(messages.get(rule.code, ()))]
    return markdown_page(rule) + "".join(f"{line}\n" for line in added)


def _printed(rule: Rule) -> Iterator[str]:
    """Yield the findings that a check of the first example prints, in a folder of its files."""
    example = examples(rule)[1][0]
    command = ["stats" if rule.scope is Scope.SNAPSHOTS else "check"]
    if example.target != AUTO and command == ["check"]:
        command += ["--target", example.target]
    if isinstance(example, InvalidWeights) and example.net:
        command += ["net.prototxt", "--weights"]
    command.append(example.name)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(rule.code, importlib.import_module(rule.module), Path(folder))
        place = next(place for name, _, place in runner.examples if name == "INVALID[0]")
        if isinstance(example, InvalidWeights) and example.net:
            (place / "net.prototxt").write_text(example.net, "utf-8")
        with inside(place):
            findings = _findings(command, rule) if command[0] == "check" else []
            if not findings:  # the rule compares files: name them all
                command += example.others
                findings = _findings(command, rule)
    assert findings, rule.code
    yield from ("", "## What protolint prints", "", "```console")
    yield f"$ protolint {' '.join(command)}"
    yield from "\n\n".join(findings).splitlines()
    yield "```"


def _findings(command: list[str], rule: Rule) -> list[str]:
    """Return what the command prints of findings; rules about comments look at the others."""
    if rule.scope is not Scope.SNAPSHOTS:
        command = [*command, "--isolated", "--color", "never"]
        command += [] if rule.code.startswith("PL") else ["--select", rule.code]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exit_code_of(command)
    paragraphs = printed.getvalue().rstrip("\n").split("\n\n")
    return paragraphs if command[0] == "stats" else paragraphs[:-1]


def _right(rule: Rule) -> Iterator[str]:
    """Yield the example most like the first in which nothing is found, where no fix shows one."""
    quiet, (wrong, *_) = examples(rule)
    alike = [one for one in quiet if one.name == wrong.name and type(one) in _KINDS[type(wrong)]]
    if wrong.fixed is not None or not alike:
        return
    right = max(alike, key=lambda one: (one.target == wrong.target, _likeness(one, wrong)))
    yield from ("", "## Where it is quiet", "")
    yield from (f"Nothing is found here, for `{right.target}`:", "")
    yield from fenced("textproto", right.text)
    for name, text in beside(right):
        yield from ("", f"Beside it, `{name}`:", "", *fenced("textproto", text))


def _likeness(one: Any, other: Any) -> float:
    def whole(example: Any) -> str:
        return "\n".join([example.text, *(text for _, text in beside(example))])

    return SequenceMatcher(None, whole(one), whole(other)).ratio()


def _messages(cases: Sequence[Sequence[str]]) -> Iterator[str]:
    if cases:
        yield from ("", "## In Caffe's own words", "")
        yield "What real builds print where this rule reports an error:"
        for caffe, message in cases:
            yield from ("", f"`{caffe}`:", "", "```text", message, "```")
