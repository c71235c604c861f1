"""The search for the files that a solver names ends at its project."""

from __future__ import annotations

from pathlib import Path

import pytest

import protolint
from protolint.workspace.named_files import project_root

NET = 'layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'
SOLVER = 'net: "models/net.prototxt"\nlr_policy: "fixed"\nbase_lr: 0.1\n'


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "project" / "models" / "a"
    folder.mkdir(parents=True)
    (folder / "solver.prototxt").write_text(SOLVER)
    return folder


def finds(folder: Path) -> bool:
    """Whether the net that the solver names is found."""
    return "SV008" not in {f.code for f in protolint.check(folder / "solver.prototxt")}


@pytest.mark.parametrize("mark", [".git", "protolint.toml"])
def test_the_marked_folder_is_the_last_one(deep: Path, tmp_path: Path, mark: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.prototxt").write_text(NET)
    project = tmp_path / "project"
    (project / mark).touch()
    assert project_root(str(deep)) == str(project)
    assert not finds(deep)
    (project / "models" / "net.prototxt").write_text(NET)
    assert finds(deep)


def test_the_working_directory_is_the_last_one(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "project")
    assert project_root(str(deep)) == str(tmp_path / "project")
    monkeypatch.chdir(Path(__file__).parent)
    assert project_root(str(deep)) == str(deep)


def test_a_home_folder_is_above_every_project(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert project_root(str(deep)) == str(deep)
    (tmp_path / "project" / "protolint.toml").touch()
    assert project_root(str(deep)) == str(tmp_path / "project")


def test_no_configuration_counts_that_lies_among_temporary_files(
    deep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "protolint.toml").write_text('target = "intel"')
    assert protolint.check(deep / "solver.prototxt").reports[0].target.dialect.name == "intel"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert protolint.check(deep / "solver.prototxt").reports[0].target.dialect.name == "bvlc"
    monkeypatch.chdir(tmp_path)
    assert protolint.check(deep / "solver.prototxt").reports[0].target.dialect.name == "intel"
