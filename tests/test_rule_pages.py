"""The pages in docs/rules are what the rules' own modules say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protolint.diagnostic import Severity
from protolint.lint.manual import examples, markdown_index, markdown_page
from protolint.lint.registry import all_rules
from protolint.lint.rule import Rule, Scope

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = REPOSITORY / "docs" / "rules"
RULES = [rule for rule in all_rules() if rule.module.startswith("protolint.rules.")]


def generate(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=120
    )


def test_the_pages_are_up_to_date() -> None:
    done = generate(REPOSITORY / "scripts" / "gen_rule_docs.py", "--check")
    assert done.returncode == 0, done.stderr


def test_every_page_that_differs_is_named_and_repaired(tmp_path: Path) -> None:
    script, pages = tmp_path / "scripts" / "gen_rule_docs.py", tmp_path / "docs" / "rules"
    script.parent.mkdir()
    pages.mkdir(parents=True)
    for name in (
        "gen_rule_docs.py",
        "rule_page.py",
        "run_examples.py",
        "field_names.py",
        "inside.py",
    ):
        shutil.copy(REPOSITORY / "scripts" / name, script.parent)
    shutil.copy(PAGES / "messages.toml", pages)
    assert generate(script).returncode == 0
    assert generate(script, "--check").returncode == 0
    (pages / "BN001.md").unlink()
    (pages / "BN003.md").write_text("# old\n", "utf-8")
    (pages / "XX001.md").write_text("# gone\n", "utf-8")
    done = generate(script, "--check")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "docs/rules/BN001.md is missing",
        "docs/rules/BN003.md differs from its rule",
        "docs/rules/XX001.md has no rule",
        "to repair: python scripts/gen_rule_docs.py",
    ]
    assert generate(script).stdout.splitlines()[-1].endswith("pages, 3 changed")
    assert generate(script, "--check").returncode == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_has_every_section_and_closed_fences(rule: Rule) -> None:
    page = markdown_page(rule)
    assert page.startswith(f"# {rule.code} {rule.name}\n\n")
    for heading in ("What it does", "Why it matters", "Which Caffe", "Evidence", "Example"):
        assert f"\n## {heading}\n\n" in page
    assert len(re.findall(r"^```", page, re.MULTILINE)) % 2 == 0
    assert "\r" not in page
    assert "\n\n\n" not in re.sub(r"^```.*?^```$", "code", page, flags=re.M | re.S)
    (_, invalid) = examples(rule)
    fixable = any(example.fixed is not None for example in invalid)
    assert ("```diff" in page) == fixable


def test_the_index_links_to_every_page() -> None:
    index = markdown_index(RULES)
    assert re.findall(r"^\| \[(\w+)\]\(\1\.md\)", index, re.MULTILINE) == [
        rule.code
        for family in ("PT", "BN", "NT", "SV", "WT", "PL")
        for rule in RULES
        if rule.code.startswith(family)
    ]
    columns = {line.count("|") for line in index.splitlines() if line.startswith("|")}
    assert columns == {7}


_MARKED = """A * and a <tag> | and `a * <b> |` stay
apart.

Evidence
    BVLC/caffe#1, #2; a_b/c.d#3 and `x/y#4`.
"""


def test_plain_text_stays_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "__doc__", _MARKED)
    rule = Rule(
        "XY001", "a-name", Severity.INFO, Scope.FILE, frozenset(), False, __name__,
        lambda _: iter(()),
    )  # fmt: skip
    page = markdown_page(rule)
    assert r"A \* and a \<tag> \| and `a * <b> |` stay" in page
    assert "[BVLC/caffe#1](https://github.com/BVLC/caffe/issues/1), " in page
    assert "[#2](https://github.com/BVLC/caffe/issues/2); " in page
    assert "[a_b/c.d#3](https://github.com/a_b/c.d/issues/3) and `x/y#4`." in page


def test_every_rule_about_building_shows_the_words_of_a_real_caffe() -> None:
    """Who searches for the line that Caffe aborted with finds the rule's page."""
    for rule in RULES:
        if "NT014" <= rule.code <= "NT029":
            page = (PAGES / f"{rule.code}.md").read_text("utf-8")
            assert "## In Caffe's own words" in page, rule.code


def test_the_words_are_those_of_rules() -> None:
    text = (PAGES / "messages.toml").read_text("utf-8")
    codes = re.findall(r"^(\w+) = \[$", text, re.MULTILINE)
    assert codes == sorted(set(codes) & {rule.code for rule in RULES})
    assert len(re.findall(r'^    \["[\w.-]+", ".+"\],$', text, re.MULTILINE)) >= 60


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_page_shows_the_finding_as_it_is_printed(rule: Rule) -> None:
    page = (PAGES / f"{rule.code}.md").read_text("utf-8")
    _, _, printed = page.partition("\n## What protolint prints\n")
    assert rule.code in printed.partition("\n## ")[0]
