"""Every verb reads a file by the same configuration, schema and build."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import protolint

from .command import run, write

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
PROTO = Path(__file__).resolve().parents[2] / "proto" / "bvlc.proto"
BROOK = GOLDEN / "bvlc-master-9b89154"
LIKE = (GOLDEN / "nvcaffe-0.15.14" / "brook.prototxt").read_text("utf-8")
NET = 'input: "x" input_shape { dim: 1 dim: 2 dim: 3 dim: 3 }\nlayer { type: "ReLU" %s }\n'


@pytest.mark.parametrize("verb", ["check", "show", "stats", "convert"])
def test_every_verb_takes_them(verb: str) -> None:
    text = run(verb, "--help").stdout
    for option in ("--proto FILE", "--without-cudnn", "--isolated"):
        assert option in text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with weights and a net of 0.15 that they are to fit."""
    shutil.copy(BROOK / "brook.caffemodel", tmp_path)
    write(tmp_path, "like.prototxt", LIKE.replace("engine: CUDNN", ""))
    return tmp_path


def test_weights_fit_the_net_that_the_configuration_describes(folder: Path) -> None:
    convert = ("convert", "--to", "nvidia-0.15", "brook.caffemodel", "--like", "like.prototxt")
    check = ("check", "--target", "nvidia-0.15", "--select", "WT", "like.prototxt", "--weights")

    def layouts(*options: str) -> str:
        done = run(*convert, "--force", "-o", "made.caffemodel", *options, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "N15C" in layouts()
    assert "N15A" in layouts("--without-cudnn")
    write(folder, "protolint.toml", "cudnn = false\n")
    assert "N15C" in layouts("--isolated")
    assert "N15A" in layouts()
    assert "WT005" not in run(*check, "made.caffemodel", cwd=folder).stdout
    report = protolint.convert(
        folder / "brook.caffemodel",
        to="nvidia-0.15",
        like=folder / "like.prototxt",
        output=folder / "api.caffemodel",
        isolated=True,
    )
    assert {row.after for row in report.files[0].layers} == {"N15C"}


def test_a_net_to_fit_may_have_the_fields_of_the_configuration(folder: Path) -> None:
    text = (folder / "like.prototxt").read_text("utf-8")
    changed = text.replace('type: "BatchNorm"', 'type: "BatchNorm" my_param { }', 1)
    write(folder, "like.prototxt", changed)
    arguments = (
        "convert", "--to", "nvidia-0.15", "brook.caffemodel", "--like", "like.prototxt",
        "-o", "made.caffemodel",
    )  # fmt: skip
    refused = run(*arguments, cwd=folder)
    assert refused.returncode == 2
    assert "'my_param' does not fit LayerParameter" in refused.stderr
    write(folder, "protolint.toml", 'extra-fields = ["my_param"]\n')
    assert run(*arguments, cwd=folder).returncode == 0


@pytest.mark.parametrize("given", ["option", "configuration"])
def test_a_schema_of_ones_own_is_used_by_every_verb(tmp_path: Path, given: str) -> None:
    pytest.importorskip("grpc_tools", reason="compiling a schema needs grpcio-tools")
    schema = PROTO.read_text("utf-8").replace(
        "message LayerParameter {", "message LayerParameter {\n  optional string mine = 9999;", 1
    )
    write(tmp_path, "my.proto", schema)
    write(tmp_path, "net.prototxt", NET % 'name: "r" bottom: "x" top: "y" mine: "1"')
    shutil.copy(BROOK / "brook.caffemodel", tmp_path)
    options = ["--proto", "my.proto"]
    if given == "configuration":
        write(tmp_path, "protolint.toml", 'proto = "my.proto"\n')
        options = []
    assert "PT002" not in run("check", "net.prototxt", *options, cwd=tmp_path).stdout
    shown = run("show", "net.prototxt", "--format", "json", *options, cwd=tmp_path)
    assert json.loads(shown.stdout)["target_reason"].endswith("in my.proto")
    stats = ("stats", "brook.caffemodel", "--net", "net.prototxt", "--format", "json")
    assert run(*stats, *options, cwd=tmp_path).returncode == 0
    convert = ("convert", "--to", "nvidia-0.17", "net.prototxt", "--dry-run")
    refused = run(*convert, *options, cwd=tmp_path)
    assert "'mine'" in refused.stderr
    done = run(*convert, "--drop-field", "mine", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_schema_that_is_missing_is_said_by_every_verb(tmp_path: Path) -> None:
    write(tmp_path, "net.prototxt", NET % 'name: "r" bottom: "x" top: "y"')
    shutil.copy(BROOK / "brook.caffemodel", tmp_path)
    for arguments in (
        ("check", "net.prototxt"),
        ("show", "net.prototxt"),
        ("stats", "brook.caffemodel"),
        ("convert", "--to", "bvlc", "net.prototxt"),
    ):
        done = run(*arguments, "--proto", "none.proto", cwd=tmp_path)
        assert done.returncode == 2
        assert "none.proto" in done.stderr
