"""What docs/editors.md has people paste works in real editors, and as VS Code would match it."""

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
#: Where Debian puts the plug-in of Vim.
ALE = Path("/usr/share/vim-ale")
NET = REPOSITORY / "fixtures" / "nets" / "digits_inplace_cudnn.prototxt"


def block(language: str, after: str) -> str:
    """The first block of a language below a line that begins like this."""
    text = GUIDE.read_text("utf-8").split(f"\n{after}", 1)[1]
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
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
    (task,) = json.loads(block("json", "### Visual Studio Code, without"))["tasks"]
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
    settings.write_text("set nocompatible\n" + block("vim", "### Vim without"), "utf-8")
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


def run_editor(folder: Path, *command: str | Path) -> list[tuple[int, str]]:
    """The line and the message of each finding that an editor writes into listed.json."""
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        command,
        env={**os.environ, "PATH": path, "HOME": str(folder), "XDG_STATE_HOME": str(folder)},
        cwd=folder, timeout=90, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    listed = json.loads((folder / "listed.json").read_text("utf-8"))
    # Some put the code before the message.
    return sorted((line, re.sub(r"^.*?\bBN001\W+", "", text)) for line, text in listed)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    pytest.importorskip("pygls", reason="the server needs pygls")
    return Path(shutil.copy(NET, tmp_path / "n\u00e4t.prototxt"))


def expected(net: Path) -> list[tuple[int, str]]:
    found = protolint.check(net)
    return sorted((found.position(d).line, f"{d.message} [{d.target}]") for d in found)


def neovim() -> tuple[int, int] | None:
    """The version of the Neovim that is here."""
    if shutil.which("nvim") is None:
        return None
    done = subprocess.run(["nvim", "--version"], capture_output=True, text=True, timeout=60)
    found = re.match(r"NVIM v(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found is not None else None


@pytest.mark.skipif(neovim() is None, reason="needs Neovim")
def test_neovim_shows_every_finding(net: Path) -> None:
    recipe = "Neovim 0.11" if (neovim() or (0, 0)) >= (0, 11) else "Neovim 0.7"
    (net.parent / "init.lua").write_text(block("lua", recipe), "utf-8")
    listing = (
        "lua vim.wait(60000, function() return #vim.diagnostic.get(0) > 0 end, 20) local found = {}"
        " for _, d in ipairs(vim.diagnostic.get(0)) do found[#found + 1] = {d.lnum + 1, d.message}"
        " end vim.fn.writefile({vim.fn.json_encode(found)}, 'listed.json')"
    )
    command: list[str | Path] = [
        "nvim",
        "--headless",
        "-u",
        "init.lua",
        "-i",
        "NONE",
        net,
        "-c",
        listing,
        "-c",
        "qa!",
    ]
    assert run_editor(net.parent, *command) == expected(net)


@pytest.mark.skipif(not ALE.is_dir() or shutil.which("vim") is None, reason="needs Vim with ALE")
def test_vim_with_ale_shows_every_finding(net: Path) -> None:
    (net.parent / "vimrc").write_text(
        f"set nocompatible\nset runtimepath^={ALE}\nfiletype plugin on\n"
        + block("vim", "### Vim\n"), "utf-8",
    )  # fmt: skip
    listing = (
        "let end = localtime() + 60 | while localtime() < end && empty(getloclist(0)) "
        "| sleep 50m | endwhile | call writefile([json_encode(map(getloclist(0), "
        "'[v:val.lnum, v:val.text]'))], 'listed.json')"
    )
    command: list[str | Path] = [
        "vim",
        "-N",
        "-u",
        "vimrc",
        "-i",
        "NONE",
        "--not-a-term",
        net,
        "-c",
        listing,
    ]
    assert run_editor(net.parent, *command, "-c", "qa!") == expected(net)


def has_eglot() -> bool:
    """Whether there is an Emacs, and eglot in it or installed."""
    emacs = shutil.which("emacs")
    asked = "(progn (require 'package) (package-initialize) (require 'eglot))"
    return (
        emacs is not None
        and not subprocess.run(
            [emacs, "--batch", "--eval", asked], capture_output=True, timeout=60
        ).returncode
    )


@pytest.mark.skipif(not has_eglot(), reason="needs Emacs with eglot")
def test_emacs_shows_every_finding(net: Path) -> None:
    wait = """
(let ((end (+ (float-time) 60)) found)
  (run-hooks 'post-command-hook)
  (while (and (< (float-time) end) (null (setq found (flymake-diagnostics))))
    (accept-process-output nil 0.05)
    (when (eglot-managed-p) (flymake-start)))  ; as an idle timer would
  (setq found (mapcar (lambda (d) (list (line-number-at-pos (flymake-diagnostic-beg d))
                                        (flymake-diagnostic-text d))) found))
  (with-temp-file "listed.json" (insert (json-encode (vconcat found)))))
"""
    start = "(require 'package) (package-initialize) (require 'eglot) (require 'json)"
    (net.parent / "init.el").write_text(f"{start}{block('lisp', '### Emacs')}", "utf-8")
    (net.parent / "wait.el").write_text(wait, "utf-8")
    command: list[str | Path] = ["emacs", "--batch", "-l", "init.el", net, "-l", "wait.el"]
    assert run_editor(net.parent, *command) == expected(net)


def test_the_extension_has_the_version_of_the_package() -> None:
    folder = REPOSITORY / "editors" / "vscode"
    version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    assert version == json.loads((folder / "package-lock.json").read_text("utf-8"))["version"]
    assert f'\nversion = "{version}"\n' in (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert f"protolint-{version}.vsix" in GUIDE.read_text("utf-8")


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
