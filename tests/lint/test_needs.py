"""A rule is not asked where nothing of what it needs is there: it would find nothing."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.findings import TextRules, findings_of
from protolint.lint.registry import all_rules
from protolint.lint.rule import NOTHING, Rule, Scope
from protolint.source import Source
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Choices, Workspace

from ..rules.more import examples

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"
TEXTS = [path.read_bytes() for path in sorted((FIXTURES / "nets").glob("*.prototxt"))]
TEXTS += [path.read_bytes() for path in sorted((FIXTURES / "broken").glob("*.prototxt"))]
RULES = [rule for rule in all_rules() if rule.needs != NOTHING]


@cache
def read(text: bytes, dialect: str) -> LintFile:
    """The file that rules share, as they do in a check."""
    workspace = Workspace(Choices(isolated=True))
    return workspace.readings(Source("net.prototxt", text)).read(DIALECTS[dialect])


def texts_of(rule: Rule) -> list[bytes]:
    return [example.text.encode() for group in examples(rule) for example in group]


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_what_a_rule_needs_is_there_wherever_it_finds_something(rule: Rule) -> None:
    if rule.scope is Scope.CHECKED_FILE:
        pytest.skip("asked about what was found, not about a text")
    always = rule._replace(needs=NOTHING)
    for name in ("bvlc", "nvidia-0.15"):
        if not rule.applies_to(name):
            continue
        for text in (*texts_of(rule), *TEXTS):
            file = read(text, name)
            found, all_of_them = (
                [finding for _, finding in findings_of(TextRules.of([each]), file)]
                for each in (rule, always)
            )
            assert found == all_of_them


def test_a_healthy_net_without_batchnorm_imports_few_rules(tmp_path: Path) -> None:
    net = tmp_path / "net.prototxt"
    net.write_text(
        'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 8 } } }\n'
        'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n'
    )
    code = (
        "import sys\n"
        "from protolint.cli import exit_code_of\n"
        "assert exit_code_of(['check', '--isolated', sys.argv[1]]) == 0\n"
        "print(*[m for m in sys.modules if m.startswith('protolint.rules.')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(net)], capture_output=True, text=True, check=True
    )
    own = [name for name in done.stdout.splitlines()[-1].split() if "._" not in name]
    assert len(own) < 12
    assert not any(name.startswith(("protolint.rules.sv", "protolint.rules.bn")) for name in own)
