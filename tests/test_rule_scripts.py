"""The scripts for writers of rules: a scaffold that passes, records, and mutants that are found."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from protolint.lint.manual import examples
from protolint.lint.rule import RULES, Example, Invalid

from . import test_rule_examples as checks

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = REPOSITORY / "scripts"


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / script), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=REPOSITORY,
    )


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def mutate_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield load("mutate_rules", SCRIPTS / "mutate_rules.py")
    del sys.modules["mutate_rules"]


@pytest.mark.parametrize(
    ("code", "scope"), [("BN999", "net"), ("PT999", "file"), ("SV999", "solver")]
)
def test_a_new_rule_passes_what_rules_are_tested_for(code: str, scope: str, tmp_path: Path) -> None:
    done = run("new_rule.py", code, "made-up", "--scope", scope, "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    name = f"protolint.rules.{code.lower()}_made_up"
    load(name, tmp_path / f"{code.lower()}_made_up.py")
    try:
        rule = RULES[code]
        checks.test_module_is_manual_and_examples(rule)
        valid, invalid = examples(rule)
        for right in valid:
            assert isinstance(right, Example)
            checks.test_quiet_on_look_alikes(rule, right, tmp_path)
        for wrong in invalid:
            assert isinstance(wrong, Invalid)
            checks.test_fires_at_the_stated_lines(rule, wrong, tmp_path)
            checks.test_fixes_converge_and_leave_no_finding(rule, wrong, tmp_path)
    finally:
        del RULES[code], sys.modules[name]


@pytest.mark.parametrize("scope", ["net", "file", "solver", "weights"])
def test_a_new_rule_is_laid_out(scope: str, tmp_path: Path) -> None:
    code = "WT999" if scope == "weights" else "BN999"
    done = run("new_rule.py", code, "made-up", "--scope", scope, "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.py")
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed here")
    for command in (["check"], ["format", "--check"]):
        linted = subprocess.run(
            [str(ruff), *command, "--stdin-filename", f"rules/{path.name}", "-"],
            input=path.read_text("utf-8"),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=REPOSITORY,
        )
        assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("BN1", "made-up"), "is no code"),
        (("BN999", "Made up"), "is no name"),
        (("BN001", "made-up"), "there is BN001"),
        (("BN999", "bn-without-affine"), "there is BN019"),
        (("WT999", "made-up"), "--scope weights"),
    ],
)
def test_a_code_or_name_that_is_no_good_is_refused(
    arguments: tuple[str, str], why: str, tmp_path: Path
) -> None:
    done = run("new_rule.py", *arguments, "--folder", str(tmp_path))
    assert done.returncode == 2
    assert why in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_records_are_what_the_rules_find() -> None:
    done = run("record_findings.py", "--check")
    assert done.returncode == 0, done.stdout


def test_every_kind_of_condition_is_changed(mutate_rules: ModuleType) -> None:
    text = """
_KINDS = ("a", "b")
_UNUSED = ("c", "d")
@net_rule("XX001", "x")
def check(net):
    for layer in net:
        if layer.x is None:
            continue
        if layer.size < 3 and not layer.ok:
            yield Finding("more" if layer.many else "one", [t for t in layer if t.kind in _KINDS])
"""
    changes = [(c.before, c.after, c.is_guard) for c in mutate_rules.mutants(ast.parse(text))]
    assert ("layer.x is None", "False", True) in changes
    assert ("layer.size < 3 and (not layer.ok)", "layer.size < 3", False) in changes
    assert ("layer.size < 3", "layer.size <= 3", False) in changes
    assert ("not layer.ok", "layer.ok", False) in changes
    assert ("layer.many", "True", False) in changes
    assert ("if t.kind in _KINDS", "", False) in changes
    assert ("t.kind in _KINDS", "t.kind not in _KINDS", False) in changes
    assert ("('a', 'b')", "without 'a'", False) in changes
    assert not any("'c'" in before for before, _, _ in changes)


def test_the_examples_of_rules_show_their_conditions() -> None:
    sample = ["--rule", "BN009", "--rule", "NT013", "--rule", "PT007", "--rule", "WT002"]
    done = run("mutate_rules.py", *sample, "--floor", "95")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_condition_that_no_example_shows_is_below_the_floor(mutate_rules: ModuleType) -> None:
    shown = mutate_rules.Mutant("XX001", 3, "a", "b", False)
    left = mutate_rules.Mutant("XX001", 4, "c", "d", False)
    guard = mutate_rules.Mutant("XX001", 5, "e is None", "False", True)
    result = mutate_rules.Result("XX001", (shown, left, guard), (left, guard))
    assert mutate_rules.report([result], {}, floor=50.0) == 0
    assert mutate_rules.report([result], {}, floor=51.0) == 1
    assert mutate_rules.report([result], {"XX001": {"c -> d": "the same"}}, floor=100.0) == 0
