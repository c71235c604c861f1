"""Inputs on which two parts of protolint once disagreed, as they knew one thing each for itself."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.golden import OWN

from .command import run

CASES = Path(__file__).resolve().parents[2] / "fixtures" / "agreement"
BROOK = OWN / "bvlc-master-9b89154" / "brook.caffemodel"
PROTO = Path(__file__).resolve().parents[2] / "proto" / "bvlc.proto"


@pytest.fixture
def like(tmp_path: Path) -> Path:
    """The folder with a configuration, nets for --like, and the weights that are to fit them."""
    folder = tmp_path / "like"
    shutil.copytree(CASES / "like", folder)
    shutil.copy(BROOK, folder)
    return folder


def codes(path: Path, target: str, *options: str | Path) -> list[str]:
    """The codes of the errors and warnings in a file."""
    done = run("check", "--isolated", "--target", target, "--output-format", "concise", path,
               *options)  # fmt: skip
    return re.findall(r": (?:error|warning) (\w+) ", done.stdout)


@pytest.mark.parametrize(
    ("name", "target", "wanted"),
    [
        # A gray image has one channel, whoever works shapes out.
        ("one_channel", "nvidia-0.17", ["BN024", "BN029"]),
        ("one_channel_input", "nvidia-0.17", ["BN029"]),
        # What Embed makes of two axes has three.
        ("embed", "nvidia-0.17", ["BN018"]),
        ("ip", "nvidia-0.17", ["BN018"]),
        # Two nets that convert once wrote.
        ("names17", "nvidia-0.17", ["NT002"]),
        ("paste.bvlc", "bvlc", ["NT005"]),
        ("intel", "intel", []),
        ("scale/two", "bvlc", []),
    ],
)
def test_check_reports(name: str, target: str, wanted: list[str]) -> None:
    assert codes(CASES / f"{name}.prototxt", target) == wanted


def test_convert_knows_of_one_channel_what_check_does() -> None:
    done = run("convert", "--isolated", "--from", "bvlc", "--to", "nvidia-0.17",
               CASES / "oc_bvlc.prototxt", "-o", "-")  # fmt: skip
    assert done.returncode == 0
    assert 'name: "sc" type: "Scale"' in done.stdout
    assert "scrambles five blobs of one channel (BN029)" in done.stderr


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [("names", "bvlc", "nvidia-0.17"), ("paste", "nvidia-0.17", "bvlc")],
)
def test_what_convert_writes_is_clean(name: str, source: str, target: str, tmp_path: Path) -> None:
    made = tmp_path / "made.prototxt"
    done = run("convert", "--isolated", "--from", source, "--to", target,
               CASES / f"{name}.prototxt", "-o", made)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert codes(made, target) == []


def test_weights_made_for_a_net_fit_it(like: Path) -> None:
    """The configuration says `cudnn = false`, so that 0.15 has blobs of one axis."""
    done = run("convert", "--to", "nvidia-0.15", "brook.caffemodel", "--like", "like15.prototxt",
               "-o", "new.caffemodel", cwd=like)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("B3 -> N15A") == 2
    check = ("check", "--target", "nvidia-0.15", "like15.prototxt", "--weights")
    assert run(*check, "new.caffemodel", cwd=like).returncode == 0
    assert run(*check, "made.caffemodel", cwd=like).stdout.count("error[WT005]") == 2


def test_a_field_of_the_configuration_is_one_for_convert(like: Path) -> None:
    (like / "protolint.toml").write_text('cudnn = false\nextra-fields = ["my_param"]\n', "utf-8")
    check = run("check", "--target", "nvidia-0.15", "like15x.prototxt", cwd=like)
    done = run("convert", "--to", "nvidia-0.15", "brook.caffemodel", "--like", "like15x.prototxt",
               "-o", "new.caffemodel", cwd=like)  # fmt: skip
    assert (check.returncode, done.returncode) == (0, 0), check.stdout + done.stderr


def test_a_fork_s_schema_is_one_for_every_verb(like: Path) -> None:
    pytest.importorskip("grpc_tools")
    field = "  optional ForkParameter fork_param = 999;\n"
    text = PROTO.read_text("utf-8")
    text = text.replace("message LayerParameter {\n", f"message LayerParameter {{\n{field}", 1)
    (like / "my.proto").write_text(
        f"{text}\nmessage ForkParameter {{ optional int32 a = 1; }}\n", "utf-8"
    )
    for verb in (
        ("check", "--select", "PT002,PT003,PT008"),
        ("show",),
        ("stats", "brook.caffemodel", "--net"),
    ):
        found = [
            run(*verb, "fork.prototxt", *more, cwd=like) for more in ((), ("--proto", "my.proto"))
        ]
        assert "fork_param" not in found[1].stdout + found[1].stderr
        assert found[1].returncode == 0
        assert verb[0] != "check" or found[0].returncode == 1


def test_a_scale_that_is_not_alone_is_no_gamma() -> None:
    model, net = CASES / "scale" / "two.caffemodel", CASES / "scale" / "two.prototxt"
    for more in ((), ("--net", net)):
        done = run("stats", "--isolated", model, *more, "--format", "json")
        (layer,) = json.loads(done.stdout)["files"][0]["layers"]
        assert (layer["gamma"]["max"], layer["affine"]) == (1, False)
    assert "Scale s" not in run("show", "--isolated", net).stdout


def test_nothing_is_converted_to_a_caffe_that_is_only_read(tmp_path: Path) -> None:
    for given in (CASES / "intel.prototxt", BROOK):
        done = run("convert", "--isolated", "--to", "intel", given, "-o", tmp_path / "made")
        assert done.returncode == 2
        assert "nothing is converted to intel" in done.stderr


def test_every_file_is_in_a_test() -> None:
    text = Path(__file__).read_text("utf-8")
    files = [path for path in CASES.rglob("*.*") if path.is_file()]
    assert len(files) == 17
    assert [path.name for path in files if path.stem not in text] == []
