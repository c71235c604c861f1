"""What docs/editors.md has people paste works: in a real Vim, and as VS Code would match it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import protolint

REPOSITORY = Path(__file__).resolve().parent.parent
GUIDE = REPOSITORY / "docs" / "editors.md"
NET = REPOSITORY / "fixtures" / "nets" / "digits_inplace_cudnn.prototxt"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", GUIDE.read_text("utf-8"), re.M | re.S)
    assert found is not None
    return found[1]


def findings(path: Path, *options: str) -> list[tuple[str, int, int, str, str]]:
    """The path, line, column, severity and code of every finding, from the JSON output."""
    done = subprocess.run(
        [sys.executable, "-m", "protolint", "check", "--output-format", "json", *options, path],
        capture_output=True, timeout=120,
    )  # fmt: skip
    return [
        (d["path"], d["line"], d["column"], d["severity"], d["code"])
        for d in json.loads(done.stdout)["diagnostics"]
    ]


def test_the_problem_matcher_finds_every_finding() -> None:
    (task,) = json.loads(block("json"))["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    arguments = [str(NET) if word == "${file}" else word for word in task["args"]]
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *arguments], capture_output=True, text=True, timeout=120
    )
    matched = []
    for line in done.stdout.splitlines():
        found = re.match(pattern["regexp"], line)
        if found is not None:
            path, severity, code = (found[pattern[k]] for k in ("file", "severity", "code"))
            matched.append(
                (path, int(found[pattern["line"]]), int(found[pattern["column"]]), severity, code)
            )
    assert matched == findings(NET)
    assert len(matched) >= 3


@pytest.mark.skipif(shutil.which("vim") is None, reason="needs Vim")
def test_vim_lists_every_finding(tmp_path: Path) -> None:
    net = tmp_path / "n\u00e4t with blanks.prototxt"
    shutil.copy(NET, net)
    settings, listed = tmp_path / "vimrc", tmp_path / "listed.json"
    settings.write_text("set nocompatible\n" + block("vim"), "utf-8")
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    listing = (
        "map(getqflist(), '[v:val.valid, bufname(v:val.bufnr), v:val.lnum, v:val.col, v:val.type,"
        " v:val.text]')"
    )
    subprocess.run(
        ["vim", "-es", "-u", settings, net, "-c", "silent make!", "-c",
         f"call writefile([json_encode({listing})], '{listed}')", "-c", "qa!"],
        env={**os.environ, "PATH": path, "SHELL": "/bin/sh"},
        cwd=tmp_path, timeout=60, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    entries = json.loads(listed.read_text("utf-8"))
    assert all(valid == 1 for valid, *_ in entries)
    shown = [(Path(path).name, *rest) for _, path, *rest in entries]
    assert [(name, line, column, kind) for name, line, column, kind, _ in shown] == [
        (net.name, line, column, severity[0]) for _, line, column, severity, _ in findings(net)
    ]
    assert [text.split()[0] for *_, text in shown] == [code for *_, code in findings(net)]


def snippets() -> dict[str, str]:
    """The snippets of the extension by prefix, with their defaults filled in."""
    path = REPOSITORY / "editors" / "vscode" / "snippets" / "prototxt.json"
    return {
        snippet["prefix"]: re.sub(
            r"\$\{\d+(?::([^}]*)|\|([^,|]*)[^}]*)\}",
            lambda found: found[1] or found[2],
            "\n".join(snippet["body"]),
        )
        for snippet in json.loads(path.read_text("utf-8")).values()
    }


@pytest.mark.parametrize("target", ["bvlc", "nvidia-0.15", "nvidia-0.17"])
def test_a_net_of_snippets_is_sound(target: str) -> None:
    found = snippets()
    test = found["data"].replace("TRAIN", "TEST")
    names = ("conv", f"bn-{target}", "relu", "pool", "fc", "loss", "accuracy")
    text = "\n".join([found["data"], test, *(found[name] for name in names)])
    result = protolint.check(text, target=target)
    assert [str(f.message) for f in result if f.severity is protolint.Severity.ERROR] == []
    assert "$" not in text


@pytest.mark.parametrize("prefix", ["input", "solver", "target"])
def test_other_snippets_have_fields_that_caffe_knows(prefix: str) -> None:
    text = snippets()[prefix] + "\n"
    assert "$" not in text
    ignored = ["PT001"] if prefix == "target" else ["SV008"]
    assert list(protolint.check(text, select=["PT", "SV", "PL"], ignore=ignored)) == []
