"""Every rule does what its examples say, those in its module and those in tests/rules/more."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from protolint.caffe.registry import AUTO, DIALECTS
from protolint.diagnostic import Diagnostic
from protolint.edit import Fix, apply_edits, overlap
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.lint.manual import manual_page
from protolint.lint.registry import all_rules
from protolint.lint.rule import Example, Invalid, Rule, Scope
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

from .rules.more import examples

#: Rules on weights have examples of their own kind, run by tests/rules.
RULES = [rule for rule in all_rules() if rule.scope not in (Scope.WEIGHTS, Scope.SNAPSHOTS)]
VALID = [
    pytest.param(rule, example, id=f"{rule.code}-valid-{number}")
    for rule in RULES
    for number, example in enumerate(examples(rule)[0])
]
INVALID = [
    pytest.param(rule, example, id=f"{rule.code}-invalid-{number}")
    for rule in RULES
    for number, example in enumerate(examples(rule)[1])
]


def check(example: Example | Invalid, folder: Path, data: bytes | None = None) -> FileReport:
    for name, text in example.others.items():
        (folder / name).write_text(text, "utf-8", newline="")
    path = folder / example.name
    path.write_bytes(example.text.encode() if data is None else data)
    targets = () if example.target == AUTO else (DIALECTS[example.target],)
    workspace = Workspace(Choices(targets=targets, isolated=True))
    workspace.pair([str(path), *(str(folder / name) for name in example.others)])
    (report,) = check_source(workspace, Source(str(path), path.read_bytes()))
    return report


def of(rule: Rule, report: FileReport) -> list[Diagnostic]:
    return [d for d in report.diagnostics if d.code == rule.code]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_every_example_is_for_a_caffe_that_the_rule_is_for(rule: Rule) -> None:
    valid, invalid = examples(rule)
    assert [e.target for e in (*valid, *invalid) if not rule.applies_to(e.target)] == []


@pytest.mark.parametrize(("rule", "example"), VALID)
def test_quiet_on_look_alikes(rule: Rule, example: Example, tmp_path: Path) -> None:
    assert of(rule, check(example, tmp_path)) == []


@pytest.mark.parametrize(("rule", "example"), INVALID)
def test_fires_at_the_stated_lines(rule: Rule, example: Invalid, tmp_path: Path) -> None:
    report = check(example, tmp_path)
    found = [report.source.line_number(d.span.start) for d in of(rule, report)]
    assert found == list(example.lines)


@pytest.mark.parametrize(("rule", "example"), INVALID)
def test_fixes_converge_and_leave_no_finding(rule: Rule, example: Invalid, tmp_path: Path) -> None:
    data = example.text.encode()
    had_fix = False
    for _ in range(20):
        report = check(example, tmp_path, data)
        fixes = [d.fix for d in of(rule, report) if d.fix is not None]
        if not fixes:
            break
        had_fix = True
        data = apply_edits(data, _compatible(fixes))
    else:
        pytest.fail("the fixes never come to an end")
    if had_fix:
        assert report.source.data != example.text.encode()
        assert {d.code for d in report.diagnostics} & {"PT001", "PT004"} == set()
        assert of(rule, report) == [] or example.fixed is None
    if example.fixed is not None:
        assert data.decode() == example.fixed
        assert of(rule, report) == []


def _compatible(fixes: list[Fix]) -> list:  # type: ignore[type-arg]
    """Edits of as many fixes as can be applied at once."""
    edits: list = []  # type: ignore[type-arg]
    for fix in fixes:
        fresh = [edit for edit in fix.edits if edit not in edits]
        if not any(overlap(edit, other) for edit in fresh for other in edits):
            edits += fresh
    return edits


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_module_is_manual_and_examples(rule: Rule) -> None:
    module = importlib.import_module(rule.module)
    page = inspect.cleandoc(module.__doc__ or "")
    summary, _, rest = page.partition("\n")
    assert summary.endswith(".")
    assert len(summary) <= 100
    for heading in ("What it does", "Why it matters", "Which Caffe", "Evidence"):
        assert f"\n{heading}\n" in rest, f"{rule.code} has no section '{heading}'"
    valid, invalid = examples(rule)
    assert valid
    assert invalid
    fixable = any(example.fixed is not None for example in invalid)
    assert fixable == ("\nFix\n" in rest and "None" not in rest.partition("\nFix\n")[2][:40])
    assert rule.module.split(".")[-1] == f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
    assert manual_page(rule).startswith(rule.code)
