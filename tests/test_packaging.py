"""The wheel holds everything, and a clean environment finds every rule in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import click
import pytest

from protolint.cli.verbs import cli
from protolint.lint.registry import all_rules

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of what git tracks, or of the tree where there is no git."""
    pytest.importorskip("setuptools", minversion="77", reason="building needs setuptools")
    source = tmp_path_factory.mktemp("source")
    for name in (
        "protolint",
        "rules",
        "pyproject.toml",
        "LICENSE",
        "docs/package/page.md",
    ):
        _copy(REPOSITORY / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--no-index", "--wheel-dir", str(target), str(source)],
        check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    (built,) = target.glob("*.whl")
    return built


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for path in source.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                _copy(path, target / path.relative_to(source))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def test_the_wheel_holds_code_rules_schemas_and_tables(wheel: Path) -> None:
    assert wheel.stat().st_size < 1 << 20
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {f"protolint/rules/{rule.module.split('.')[-1]}.py" for rule in all_rules()}
    assert modules <= names
    assert "protolint/text/tables.py" in names
    assert "protolint/py.typed" in names
    assert "protolint/caffe/schemas.binpb" in names
    top = {name.split("/")[0] for name in names}
    assert all(name == "protolint" or name.endswith((".dist-info", ".data")) for name in top)
    assert wheel.stat().st_size < 1 << 20  # an index page should not make anybody wait


def test_the_page_of_the_package_index_leads_to_the_projects_own_addresses(wheel: Path) -> None:
    """Nothing relative, which leads nowhere there, and to no file that is not here."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    head, _, page = archive.read(name).decode("utf-8").partition("\n\n")
    (home,) = re.findall(r"^Project-URL: Homepage, (.*)$", head, re.M)
    assert f"Project-URL: Changelog, {home}/blob/main/CHANGELOG.md" in head
    links = re.findall(r"\]\(([^)]+)\)", page)
    own = [link for link in links if link.startswith(home)]
    assert [link for link in links if link not in own] == ["https://github.com/yoheimuta/protolint"]
    for link in own:
        path = re.fullmatch(r"(?:#readme|/(?:blob|raw)/main/(.+))", link.removeprefix(home))
        assert path is not None, link
        assert path[1] is None or (REPOSITORY / path[1]).is_file(), link
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    assert pictures
    assert all(f"{home}/raw/" in picture for picture in pictures)
    verbs = cli.list_commands(click.Context(cli))
    assert [v for v in verbs if f"`protolint {v}" not in page and f"`{v}`" not in page] == []


def test_a_clean_environment_finds_every_rule(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=os.name != "nt")
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
         "--no-index", str(wheel)],
        check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    purelib = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, timeout=60, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    # What protolint depends on comes from here; the checkout's own editable install does not.
    Path(purelib, "dependencies.pth").write_text(f"{Path(click.__file__).parents[1]}\n", "utf-8")
    done = subprocess.run(
        [str(environment / "bin" / "protolint-caffe"), "rule", "--all"],
        check=True, timeout=60, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert [line.split()[0] for line in done.stdout.splitlines()] == [r.code for r in all_rules()]
    where = subprocess.run(
        [str(python), "-c", "import protolint; print(protolint.__file__)"],
        check=True, timeout=60, capture_output=True, text=True, cwd=tmp_path,
    ).stdout.strip()  # fmt: skip
    assert Path(where).is_relative_to(environment)


def test_the_oldest_versions_are_those_that_are_allowed() -> None:
    """scripts/verify_versions.py runs tests with them."""
    text = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    asked = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.M | re.S)
    hdf5 = re.search(r"^hdf5 = (.*)", text, re.M)
    assert asked is not None
    assert hdf5 is not None
    allowed = re.findall(r'"([\w-]+)>=([\d.]+)', asked[1] + hdf5[1])
    oldest = (REPOSITORY / "tests" / "oldest.txt").read_text("utf-8")
    assert sorted(allowed) == sorted(re.findall(r"^([\w-]+)==([\d.]+)$", oldest, re.M))
    assert len(allowed) == 5
