"""One session: a file has the same settings, build, target and relatives whoever asks."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.errors import ConfigError, InputError, ProtolintError
from protolint.source import Source
from protolint.workspace.settings import Settings
from protolint.workspace.workspace import Choices, Workspace

DEPLOY = 'layer { name: "d" type: "Input" top: "x" }\n'
CONV = 'layer { name: "c" type: "Convolution" bottom: "x" top: "y" }\n'
TRAIN = 'layer { name: "d" type: "Data" top: "x" }\n'


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_toml", ".toml")
        path = path if path.suffix else path.with_suffix(".prototxt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def test_each_folder_has_its_settings_and_the_caller_counts_more(tmp_path: Path) -> None:
    write(tmp_path, protolint_toml='target = "bvlc"\n', a=DEPLOY, in__a=DEPLOY)
    write(tmp_path, in__protolint_toml='target = "nvidia-0.15"\ncudnn = false\n')
    outer, inner = str(tmp_path / "a.prototxt"), str(tmp_path / "in" / "a.prototxt")
    workspace = Workspace()
    assert workspace.read(outer).dialect.name == "bvlc"
    assert workspace.read(inner).dialect.name == "nvidia-0.15"
    assert not workspace.build(inner).cudnn
    assert workspace.build(outer).cudnn
    asked = Workspace(Choices(targets=(DIALECTS["nvidia-0.14"],), without_cudnn=True))
    assert asked.read(inner).dialect.name == "nvidia-0.14"
    assert not asked.build(outer).cudnn
    assert Workspace(Choices(auto=True)).read(inner).dialect.name == "bvlc"
    assert Workspace(Choices(isolated=True)).build(inner).cudnn
    few = Workspace(Choices(thresholds=(("few-batches", 3.0),))).settings(inner)
    assert few.thresholds == {"few-batches": 3.0}


def test_given_settings_hold_everywhere(tmp_path: Path) -> None:
    write(tmp_path, protolint_toml="selct = 3\n", a=DEPLOY)
    path = str(tmp_path / "a.prototxt")
    with pytest.raises(ConfigError, match="unknown key 'selct'"):
        Workspace().read(path)
    assert not Workspace(settings=Settings(cudnn=False)).read(path).build.cudnn


def test_standard_input_has_the_settings_of_the_name_it_is_given(tmp_path: Path) -> None:
    write(tmp_path, protolint_toml='target = "nvidia-0.16"\n')
    workspace = Workspace(Choices(stdin_filename=str(tmp_path / "x.prototxt")))
    assert [d.name for d in workspace.settings("-").targets] == ["nvidia-0.16"]


def test_a_comment_is_read_before_a_dialect_is_guessed(tmp_path: Path) -> None:
    text = b"# protolint: target=nvidia-0.17\n" + DEPLOY.encode()
    readings = Workspace().readings(Source(str(tmp_path / "a"), text))
    (target,) = Workspace().targets(readings)
    assert (target.dialect.name, target.reason) == ("nvidia-0.17", "as a comment in the file says")


def test_files_that_are_found_know_each_other(tmp_path: Path) -> None:
    write(tmp_path, deploy=DEPLOY + CONV, train_val=TRAIN + CONV, x_solver='net: "train_val"\n')
    errors: list[ProtolintError] = []
    workspace = Workspace()
    files = workspace.find([str(tmp_path), str(tmp_path / "none")], errors.append, print)
    assert [Path(file).name for file in files] == [
        "deploy.prototxt", "train_val.prototxt", "x_solver.prototxt",
    ]  # fmt: skip
    assert [str(error) for error in errors] == [f"{tmp_path / 'none'}: no such file or folder"]
    sibling = workspace.read(files[0]).nets[0].sibling
    assert sibling is not None
    assert Path(sibling.source.path).name == "train_val.prototxt"
    assert Workspace().read(files[0]).nets[0].sibling is None


def test_excluded_files_are_found_only_by_name(tmp_path: Path) -> None:
    write(tmp_path, protolint_toml='exclude = ["a.prototxt"]\n', a=DEPLOY, b=DEPLOY)
    path = str(tmp_path / "a.prototxt")

    def found(choices: Choices, *paths: str) -> list[str]:
        return [Path(f).stem for f in Workspace(choices).find(paths, print, print)]

    assert found(Choices(), str(tmp_path)) == ["b"]
    assert found(Choices(), path) == ["a"]
    assert found(Choices(force_exclude=True), path) == []


def test_weights_are_told_from_text(tmp_path: Path) -> None:
    write(tmp_path, a=DEPLOY)
    (tmp_path / "b.prototxt").write_bytes(b"\x0a\x03net\0\0\0")
    (tmp_path / "c.prototxt").write_bytes(b"\xff\xfea\0")
    workspace = Workspace()
    text = workspace.source_or_weights(str(tmp_path / "a.prototxt"))
    assert text is not None
    assert text.data == DEPLOY.encode()
    assert workspace.source_or_weights(str(tmp_path / "b.prototxt")) is None
    assert workspace.source_or_weights("none.caffemodel") is None
    with pytest.raises(InputError, match="UTF-16"):
        workspace.source_or_weights(str(tmp_path / "c.prototxt"))


def test_choices_and_errors_reach_other_processes() -> None:
    choices = Choices(targets=(DIALECTS["nvidia-0.15"],), thresholds=(("few-batches", 3.0),))
    assert pickle.loads(pickle.dumps(choices)) == choices
    error = pickle.loads(pickle.dumps(InputError("a", "is gone")))
    assert (error.path, str(error)) == ("a", "a: is gone")
