"""Shells complete verbs, options, rules, targets and files."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.registry import all_rules

REPOSITORY = Path(__file__).resolve().parent.parent
GUIDE = (REPOSITORY / "docs" / "completion.md").read_text("utf-8")
CODES = [rule.code for rule in all_rules()]


def ask(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What protolint tells bash for a line with the cursor at its end."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "protolint"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={
            **os.environ,
            "_PROTOLINT_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            **environment,
        },
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done


def offered(line: str) -> list[str]:
    """The words offered; a file or a folder as `<file>`."""
    pairs = [answer.split(",", 1) for answer in ask(line).stdout.splitlines() if answer]
    return [value if kind == "plain" else f"<{kind}>" for kind, value in pairs]


def test_verbs() -> None:
    assert {"check", "rule"} <= set(offered("protolint "))
    assert offered("protolint che") == ["check"]


def test_options_of_the_verb() -> None:
    assert offered("protolint check --target bvlc --sel") == ["--select"]
    assert "--output-format" in offered("protolint rule --")
    assert "--select" not in offered("protolint rule --")


@pytest.mark.parametrize("option", ["--select", "--ignore", "--extend-select"])
def test_rules_in_lists(option: str) -> None:
    all_offered = offered(f"protolint check {option} ")
    assert [name for name in all_offered if name in CODES] == CODES
    assert {"ALL", "BN", "PT"} <= set(all_offered)
    assert offered(f"protolint check {option} BN00") == [c for c in CODES if c.startswith("BN00")]
    assert offered(f"protolint check {option} bn001") == ["BN001"]
    assert offered(f"protolint check {option} unknown-f") == ["unknown-field"]
    assert offered(f"protolint check {option} PT,bn001,BN00") == [
        f"PT,bn001,{code}" for code in CODES if code.startswith("BN00") and code != "BN001"
    ]


def test_the_rule_to_explain() -> None:
    assert offered("protolint rule ") == CODES
    assert offered("protolint rule pt00") == [code for code in CODES if code.startswith("PT00")]
    assert offered("protolint rule unknown-f") == ["unknown-field"]
    assert offered("protolint rule zzz") == []


def test_targets() -> None:
    assert set(offered("protolint check --target ")) == {*DIALECTS, "nvidia", "auto"}
    assert set(offered("protolint convert --to ")) == {*DIALECTS, "nvidia"}
    assert offered("protolint check --target bvlc --target nvidia-0.14") == ["nvidia-0.14"]


def test_formats() -> None:
    assert {"full", "json"} <= set(offered("protolint check --output-format "))


@pytest.mark.parametrize("line", ["", "fixtures/n", "a.prototxt ", "--proto ", "--baseline b"])
def test_files_are_left_to_the_shell(line: str) -> None:
    assert offered(f"protolint check {line}") == ["<file>"]


def test_an_unknown_verb_ends_quietly() -> None:
    ask("protolint frobnicate --target ")


def test_a_broken_plug_in_ends_quietly(tmp_path: Path) -> None:
    info = tmp_path / "their_rules-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[protolint.rules]\na = nowhere\n", "utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert ask("protolint rule BN", PYTHONPATH=path).stdout.strip() == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_what_a_word_means(shell: str) -> None:
    done = ask(
        "protolint rule BN00",
        _PROTOLINT_COMPLETE=f"{shell}_complete",
        **({"COMP_CWORD": "BN00"} if shell == "fish" else {}),
    )
    assert "inplace-cudnn-batchnorm" in done.stdout
    assert "BN001" in done.stdout


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH begins with a `protolint` that is this one."""
    program = tmp_path / "protolint"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m protolint "$@"\n')
    program.chmod(0o755)
    shutil.copy(program, tmp_path / "protolint-caffe")
    return {**os.environ, "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}


def lines_for(shell: str) -> list[str]:
    """What the guide tells the users of a shell to add to their configuration."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [block for language, block in fences if language == shell]


_BASH = """
COMP_WORDS=(%s rule BN00); COMP_CWORD=2
_protolint_completion %s
printf '%%s\\n' "${COMPREPLY[@]}"
"""
_FISH = "complete -C '%s rule BN00'"
_ZSH = "print -r -- ${_comps[%s]} ; whence -w _protolint_completion"


@pytest.mark.parametrize("command", ["protolint", "protolint-caffe"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_the_guide_says_works_in_the_shell(
    shell: str, command: str, on_path: dict[str, str]
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    set_up = "".join(lines_for(shell))
    assert set_up
    if shell == "bash":
        script = set_up + _BASH % (command, command)
        arguments = ["--norc", "-c", script]
    elif shell == "fish":
        arguments = ["--no-config", "-c", set_up + _FISH % command]
    else:
        start = "autoload -Uz compinit; compinit -D -u\n"
        arguments = ["-f", "-c", start + set_up + _ZSH % command]
    done = subprocess.run(
        [program, *arguments],
        capture_output=True, text=True, env=on_path, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if shell == "bash" and "nosort" in done.stderr:
        pytest.skip("this bash is older than 4.4")
    if shell == "zsh":
        assert done.stdout.split("\n")[:2] == [
            "_protolint_completion", "_protolint_completion: function",
        ], done.stderr  # fmt: skip
    else:
        found = [line.split("\t")[0] for line in done.stdout.splitlines()]
        assert found == [code for code in CODES if code.startswith("BN00")], done.stderr
