"""What the guides in docs show is what the program does: every command, program and setting."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from protolint.caffe.batchnorm import Affine
from protolint.caffe.registry import DIALECTS
from protolint.lint.select import selection_of
from protolint.workspace.config_keys import keys
from protolint.workspace.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
GUIDES = sorted(DOCS.glob("*.md"))
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The line above a block that shows a file: `` `net.prototxt`: `` or `` In `.gitlab-ci.yml`: ``.
_NAMED = re.compile(r"^[^`]*`([\w./-]+\.\w+)`[^`]*:\n\n\Z", re.MULTILINE)

each_guide = pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)


class Block(NamedTuple):
    """A fenced block: its language, its text, and the name of the file it shows, if any."""

    language: str
    text: str
    name: str | None


def blocks(guide: Path) -> Iterator[Block]:
    text = guide.read_text("utf-8")
    for match in _FENCE.finditer(text):
        before = text[: match.start()]
        start = before.rfind("\n", 0, len(before) - 2) + 1
        named = _NAMED.match(before[start:])
        yield Block(match[1], match[2], named[1] if named else None)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for a guide, with the project's nets and weights."""
    for name in ("compare", "nets", "golden", "stats"):
        shutil.copytree(REPOSITORY / "fixtures" / name, tmp_path / "fixtures" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, block: Block) -> None:
    assert block.name is not None
    path = folder / block.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, "utf-8")


def sessions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines it is shown to print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def as_pattern(shown: list[str]) -> str:
    """The lines shown, in which one that is `...` stands for any number of lines."""
    lines = (r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shown)
    return "".join(lines)


def execute(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command)
    if program == "cat":
        return "".join((folder / name).read_text("utf-8") for name in arguments)
    assert program == "protolint"
    done = subprocess.run(
        [sys.executable, "-m", "protolint", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.decode("utf-8").replace("\r\n", "\n")


@each_guide
def test_every_command_shown_prints_what_is_shown(guide: Path, workplace: Path) -> None:
    for block in blocks(guide):
        if block.name is not None:
            write(workplace, block)
        if block.language != "console":
            continue
        for command, shown in sessions(block.text):
            printed = execute(command, workplace)
            assert re.fullmatch(as_pattern(shown), printed), f"$ {command}\n{printed}"


@each_guide
def test_every_python_session_shown_gives_what_is_shown(guide: Path, workplace: Path) -> None:
    text = ""
    for block in blocks(guide):
        if block.name is not None:
            write(workplace, block)
        if block.language == "python":
            compile(block.text, guide.name, "exec")
        if block.language == "pycon":
            text += f"{block.text}\n"
    test = doctest.DocTestParser().get_doctest(text, {}, guide.name, str(guide), 0)
    shown: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=shown.append)
    assert runner.failures == 0, "".join(shown)


@each_guide
def test_every_configuration_shown_is_valid(guide: Path, workplace: Path) -> None:
    for number, block in enumerate(blocks(guide)):
        if block.language == "toml":
            folder = workplace / str(number)
            folder.mkdir()
            for other in blocks(guide):
                if other.name is not None and other.name.endswith(".toml"):
                    write(folder, other)
            (folder / "protolint.toml").unlink(missing_ok=True)
            shared = block.text.startswith(("[tool", "[build", "[project"))
            path = folder / ("pyproject.toml" if shared else "protolint.toml")
            path.write_text(block.text, "utf-8")
            workspace = Workspace()
            selection_of(workspace, str(folder / "x"))
            settings = workspace.settings(str(folder / "x"))
            assert (settings.path == str(path)) == ("[tool.protolint]" in block.text or not shared)


def test_every_key_of_the_configuration_is_described() -> None:
    text = (DOCS / "configuration.md").read_text("utf-8")
    described = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert sorted(described) == sorted(keys())


@each_guide
def test_every_option_shown_exists(guide: Path) -> None:
    from protolint.cli.verbs import cli

    context = cli.make_context("protolint", [], resilient_parsing=True)
    known = {"--help", "--version"}
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        known |= {word for parameter in command.params for word in parameter.opts}
    shown = set()
    for line in guide.read_text("utf-8").splitlines():
        start = re.search(r"\bprotolint(-caffe)? \w|args: \[|`--", line)
        if start is not None and "pip install" not in line:
            shown.update(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line[start.start() :]))
    assert shown <= known


#: The columns of the table in batchnorm.md: the dialect and the engine each stands for.
_COLUMNS = [
    ("bvlc", "CAFFE"), ("nvidia-0.14", "CAFFE"), ("nvidia-0.14", "CUDNN"),
    ("nvidia-0.15", "CAFFE"), ("nvidia-0.15", "CUDNN"), ("nvidia-0.17", "CUDNN"),
]  # fmt: skip
_BLOBS = {"F": "factor", "unused": "reserved", "spread": "variance"}


def row(title: str) -> list[str]:
    """The cells of one row of the table in batchnorm.md."""
    text = (DOCS / "batchnorm.md").read_text("utf-8")
    line = re.search(rf"^\| {re.escape(title)} *\|(.*)\|$", text, re.MULTILINE)
    assert line is not None, title
    return [cell.strip() for cell in line[1].split("|")]


def test_the_table_of_batchnorms_says_what_the_rules_know() -> None:
    kinds = [DIALECTS[dialect].engines[engine] for dialect, engine in _COLUMNS]
    for cell, kind in zip(row("blobs, in order [2]"), kinds, strict=True):
        names = [name.removesuffix("\u00b7F") for name in re.split(r"[,;] (?:then )?", cell)]
        blobs = tuple(_BLOBS.get(name, name) for name in names)
        assert blobs == (kind.affine_blobs or kind.blobs)
    for cell, kind in zip(row("`use_global_stats`"), kinds, strict=True):
        assert cell.startswith("**ignored**") == kind.ignores_global_stats
    for cell, kind in zip(row("training in place (top is bottom)"), kinds, strict=True):
        right = kind.in_place_affine if kind.affine is not Affine.NEVER else kind.in_place_plain
        assert cell.startswith("right") == right
    for cell, (name, _) in zip(row("axes of the bottom"), _COLUMNS, strict=True):
        assert int(re.findall(r"\d", cell)[0]) == DIALECTS[name].least_axes
    for cell, (name, engine) in zip(row("`eps`, if not given"), _COLUMNS, strict=True):
        if (name, engine) != ("nvidia-0.14", "CUDNN"):
            assert float(cell.split(";")[0]) == DIALECTS[name].engines["CAFFE"].eps.default
    newest = DIALECTS["nvidia-0.17"].engines["CAFFE"]
    assert newest.eps.floor == float(row("least `eps`")[-1].split("**")[1])


PAGES = [path for path in sorted(DOCS.rglob("*.md")) if path.parent.name != "adr"]


def headings(path: Path) -> set[str]:
    found = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if link.startswith("http"):
            continue
        target, _, heading = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        assert not heading or heading in headings(path), link


def test_the_index_names_every_guide() -> None:
    text = (DOCS / "README.md").read_text("utf-8")
    for guide in GUIDES:
        assert guide.name == "README.md" or f"]({guide.name})" in text


def test_the_site_names_every_guide() -> None:
    site = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    for guide in GUIDES:
        assert re.search(rf": {re.escape(guide.name)}$", site, re.MULTILINE), guide.name


def test_the_reference_of_the_command_line_is_up_to_date() -> None:
    """The page and the manual page say what ``--help`` says."""
    script = REPOSITORY / "scripts" / "gen_cli_docs.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_addresses_are_those_of_the_project() -> None:
    from protolint.report.pages import HOME

    owner_and_name = HOME.removeprefix("https://github.com/")
    for guide in GUIDES:
        for found in re.findall(
            r"(?:uses: |github\.com/)([\w.-]+/protolint\b)", guide.read_text("utf-8")
        ):
            assert found == owner_and_name, guide.name
