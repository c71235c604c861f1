"""What README and CONTRIBUTING show is what the program does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text("utf-8")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str, kind: str) -> list[str]:
    return [match[2] for match in _FENCE.finditer(text) if match[1] == kind]


CONSOLE = [
    pytest.param(block, id=block.splitlines()[0][2:60]) for block in blocks(README, "console")
]


@pytest.mark.parametrize("block", CONSOLE)
def test_every_command_shown_prints_what_is_shown(block: str) -> None:
    command, *shown = block.splitlines()
    program, *arguments = shlex.split(command.removeprefix("$ "))
    assert program == "protolint"
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=120,
    )
    printed = done.stdout.splitlines()
    if shown[-1] == "...":
        shown.pop()
        printed = printed[: len(shown)]
    assert printed == shown


def test_the_set_up_commands_come_first_and_name_shipped_files() -> None:
    main_job, tests = blocks(README, "sh")[:2]
    assert "pip install" in main_job
    assert "pip install" in tests
    assert main_job.count("\n") == tests.count("\n") == 1
    shown = next(word for word in shlex.split(main_job) if word.endswith(".prototxt"))
    assert (REPOSITORY / shown).is_file()
    assert "pytest" in tests


def test_the_main_job_finds_the_faults_it_is_shown_for() -> None:
    (command, *_) = blocks(README, "sh")
    words = shlex.split(command)
    arguments = words[words.index(".venv/bin/protolint") + 1 :]
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=120,
    )
    assert done.returncode == 0
    assert "BN003" in done.stdout
    assert "did you mean 'value'?" in done.stdout


def test_the_configuration_shown_is_valid(tmp_path: Path) -> None:
    from protolint.lint.select import selection_of
    from protolint.workspace.workspace import Workspace

    (block,) = blocks(README, "toml")
    (tmp_path / "protolint.toml").write_text(block, "utf-8")
    settings = selection_of(Workspace(), str(tmp_path / "x")).settings
    assert [dialect.name for dialect in settings.targets] == ["nvidia-0.15"]
    assert settings.layer_types == {"RoiAlign"}


def test_every_target_is_in_the_readmes_table_and_the_editors_snippet() -> None:
    from protolint.caffe.registry import DIALECTS

    snippets = REPOSITORY / "editors" / "vscode" / "snippets" / "prototxt.json"
    assert f"target=${{1|{','.join(DIALECTS)}|}}" in snippets.read_text("utf-8")
    for name in DIALECTS:
        assert f"`{name}`" in README


def test_every_output_format_is_in_the_readme() -> None:
    from protolint.report import FORMATS

    (sentence,) = re.findall(r"`--output-format` takes (.*?), and", README, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(FORMATS)


def test_every_writer_of_weights_is_in_the_guide() -> None:
    from protolint.batchnorm.sources import SOURCES

    guide = (REPOSITORY / "docs" / "convert.md").read_text("utf-8")
    (row,) = (line for line in guide.splitlines() if "`--from bvlc`" in line)
    assert set(re.findall(r"`(?:--from )?([a-z0-9.-]+)`", row)) == set(SOURCES)


def test_links_lead_to_files() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "fixtures/README.md", "proto/README.md"):
        path = REPOSITORY / document
        for link in re.findall(r"\]\(([^)#]+)\)", path.read_text("utf-8")):
            if not link.startswith("http"):
                assert (path.parent / link).exists(), f"{document}: {link}"


def test_pictures_are_there_and_described() -> None:
    pictures = re.findall(r"!\[([^]]*)\]\(([^)]+)\)", README)
    assert len(pictures) == 3
    for words, path in pictures:
        assert len(words.split()) > 3
        assert (REPOSITORY / path).read_bytes().startswith(b"\x89PNG")
