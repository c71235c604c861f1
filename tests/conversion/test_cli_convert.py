"""protolint convert as a user meets it: files, messages, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protolint.conversion.run import convert
from protolint.errors import InputError, ProtolintError
from protolint.weights.blobs import encode_blob
from protolint.weights.index import index_file
from protolint.wire import length_delimited, varint_field
from tests.cli import command
from tests.cli.command import Done

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
BVLC = GOLDEN / "bvlc-master-9b89154" / "brook.caffemodel"
NET = GOLDEN / "bvlc-master-9b89154" / "brook.prototxt"


def run(*arguments: str | Path, cwd: Path) -> Done:
    return command.run("convert", *arguments, cwd=cwd)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a net and its weights."""
    (tmp_path / "net.caffemodel").write_bytes(BVLC.read_bytes())
    (tmp_path / "net.prototxt").write_bytes(NET.read_bytes())
    return tmp_path


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


BEFORE = {"net.caffemodel", "net.prototxt"}


def test_the_result_lies_beside_the_source_with_a_table(folder: Path) -> None:
    done = run("--to", "nvidia-0.17", "net.caffemodel", cwd=folder)
    assert done.returncode == 0
    assert names(folder) == BEFORE | {"net.nvidia-0.17.caffemodel"}
    assert "norm_a  B3 -> N16-5  merged affine_a" in done.stdout
    assert "2 BatchNorm layers; largest difference" in done.stdout
    assert done.stderr == ""


def test_the_way_back_drops_the_dialect_from_the_name_and_restores_the_layers(
    folder: Path,
) -> None:
    run("--to", "nvidia", "net.caffemodel", cwd=folder)
    done = run("--to", "bvlc", "net.nvidia-0.17.caffemodel", cwd=folder)
    assert done.returncode == 0
    assert "net.bvlc.caffemodel" in names(folder)
    assert "added affine_a" in done.stdout


def test_files_that_belong_together_go_into_a_new_folder(folder: Path) -> None:
    done = run("--to", "nvidia-0.17", "net.prototxt", "net.caffemodel", "-o", "out/", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert names(folder) == BEFORE | {"out/net.prototxt", "out/net.caffemodel"}
    assert "scale_bias: true" in (folder / "out" / "net.prototxt").read_text()


def test_a_prototxt_goes_to_standard_output_and_the_report_does_not(folder: Path) -> None:
    done = run("--to", "nvidia-0.17", "net.prototxt", "-o", "-", cwd=folder)
    assert done.returncode == 0
    assert done.stdout.startswith("name:")
    assert "scale_bias: true" in done.stdout
    assert "net.prototxt -> standard output" in done.stderr
    assert names(folder) == BEFORE


def test_the_help_fits_a_small_terminal(folder: Path) -> None:
    done = run("--help", cwd=folder)
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_weights_are_made_to_fit_a_net(folder: Path) -> None:
    text = NET.read_text().replace('"norm_a"', '"bn1"').replace('"affine_a"', '"sc1"')
    (folder / "mine.prototxt").write_text(text)
    arguments = ("--to", "bvlc", "--like", "mine.prototxt", "net.caffemodel", "-o", "made")
    planned = run(*arguments, "--dry-run", "--report", "json", cwd=folder)
    assert "made" not in names(folder)
    done = run(*arguments, "--report", "json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    for output in (planned.stdout, done.stdout):
        (result,) = json.loads(output)["files"]
        rows = [(row["name"], row["new_name"], row["new_scale"]) for row in result["layers"]]
        assert rows == [("norm_a", "bn1", "sc1"), ("norm_b", "", "")]
    made = {layer.name for layer in index_file(str(folder / "made")).layers}
    assert {"bn1", "sc1", "norm_b", "affine_b"} <= made
    assert not {"norm_a", "affine_a"} & made


def test_both_nets_are_run_where_weights_are_made_to_fit(folder: Path) -> None:
    pytest.importorskip("cv2")
    text = NET.read_text().replace('"norm_a"', '"bn1"').replace('"affine_a"', '"sc1"')
    (folder / "mine.prototxt").write_text(text)
    arguments = ["--to", "bvlc", "--like", "mine.prototxt", "--verify-with", "opencv"]
    done = run(*arguments, "net.caffemodel", "net.prototxt", "-o", "made", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "opencv: largest difference" in done.stdout
    assert names(folder) == BEFORE | {"mine.prototxt", "made"}
    done = run(*arguments, "net.caffemodel", "-o", "other", cwd=folder)
    assert done.returncode == 2
    assert "needs a deploy prototxt" in done.stderr


def test_a_convolution_for_a_scale_layer_that_014_has_not(folder: Path) -> None:
    arguments = ["--to", "nvidia-0.14", "--engine", "caffe", "net.caffemodel", "net.prototxt"]
    done = run(*arguments, "-o", "out/", cwd=folder)
    assert done.returncode == 2
    assert "--scale-as convolution" in done.stderr
    done = run(*arguments, "--scale-as", "convolution", "-o", "out/", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "replaced affine_a" in done.stdout


def test_a_tolerance_of_nothing_is_met_by_copies_only(folder: Path) -> None:
    done = run("--to", "nvidia", "--tolerance", "0", "net.caffemodel", cwd=folder)
    assert done.returncode == 1
    assert "differ by more than 0); nothing was written" in done.stderr
    assert names(folder) == BEFORE
    done = run("--to", "bvlc", "--tolerance", "0", "net.caffemodel", cwd=folder)
    assert done.returncode == 0
    assert "no difference" in done.stdout


def test_a_failed_proof_leaves_no_half_of_a_report(folder: Path) -> None:
    arguments = ("--to", "nvidia", "--tolerance", "0", "net.caffemodel", "--report", "json")
    done = run(*arguments, cwd=folder)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["files"], found["error"]["exit_code"]) == ([], 1)
    assert re.search(r"layer 'norm_[ab]' would differ by [\d.]+e-\d+, absolute", done.stderr)
    assert "(2 of 2 BatchNorm layers differ by more than 0)" in done.stderr
    assert "report this" not in done.stderr
    assert names(folder) == BEFORE


def test_a_dry_run_tells_and_writes_nothing(folder: Path) -> None:
    done = run("--to", "nvidia-0.17", "net.caffemodel", "--dry-run", "-o", "out/", cwd=folder)
    assert done.returncode == 0
    assert "B3 -> N16-5" in done.stdout
    assert "Nothing was written." in done.stdout
    assert names(folder) == BEFORE
    assert not (folder / "out").exists()


def test_the_json_report_has_every_layer(folder: Path) -> None:
    done = run("--to", "nvidia-0.17", "net.caffemodel", "--report", "json", cwd=folder)
    report = json.loads(done.stdout)
    assert report["schema_version"] == 1
    (file,) = report["files"]
    assert [row["name"] for row in file["layers"]] == ["norm_a", "norm_b"]
    assert all(0 <= row["difference"] < 1e-6 for row in file["layers"])
    assert file["output"] == "net.nvidia-0.17.caffemodel"


def test_nothing_is_replaced_unless_it_is_asked_for(folder: Path) -> None:
    there = folder / "there.caffemodel"
    there.write_bytes(b"precious")
    arguments = ("--to", "nvidia-0.17", "net.caffemodel", "-o", "there.caffemodel")
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert "exists" in done.stderr
    assert there.read_bytes() == b"precious"
    assert run(*arguments, "--force", cwd=folder).returncode == 0
    assert there.read_bytes() != b"precious"
    done = run("--to", "nvidia-0.17", "net.caffemodel", "-o", "net.caffemodel", cwd=folder)
    assert done.returncode == 2
    assert "is the source" in done.stderr


def test_one_refused_target_means_that_no_file_is_written(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "net.prototxt").write_bytes(b"precious")
    done = run("--to", "nvidia-0.17", "net.caffemodel", "net.prototxt", "-o", "out", cwd=folder)
    assert done.returncode == 2
    assert names(folder) == BEFORE | {"out/net.prototxt"}


def test_in_place_replaces_the_inputs_and_keeps_their_permissions(folder: Path) -> None:
    source = folder / "net.caffemodel"
    source.chmod(0o640)
    before = source.read_bytes()
    done = run("--to", "nvidia-0.17", "--in-place", "net.caffemodel", "net.prototxt", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert names(folder) == BEFORE
    assert source.read_bytes() != before
    assert source.stat().st_mode & 0o777 == 0o640


def test_names_that_are_not_ascii(folder: Path) -> None:
    (folder / "net.caffemodel").rename(folder / "Größe 模型.caffemodel")
    done = run("--to", "nvidia-0.17", "Größe 模型.caffemodel", cwd=folder)
    assert done.returncode == 0
    assert "Größe 模型.nvidia-0.17.caffemodel" in names(folder)
    assert "Größe 模型" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("net.caffemodel",), "--to"),
        (("--to", "nvidia-0.18", "net.caffemodel"), "unknown target 'nvidia-0.18'"),
        (("--to", "bvlc"), "FILES"),
        (("--to", "bvlc", "missing.caffemodel"), "missing.caffemodel: cannot be read"),
        (("--to", "bvlc", "."), "is a folder"),
        (("--to", "bvlc", "net.caffemodel", "./net.caffemodel"), "is given twice"),
        (("--to", "bvlc", "--from", "nvdia-0.17", "net.caffemodel"), "did you mean"),
        (("--to", "bvlc", "--engine", "cudnn", "net.caffemodel"), "no engine 'CUDNN'"),
        (("--to", "bvlc", "-o", "-", "net.caffemodel"), "takes a single prototxt"),
        (("--to", "bvlc", "-o", "one", "net.caffemodel", "net.prototxt"), "need a folder"),
        (("--to", "bvlc", "-o", "no/x.caffemodel", "net.caffemodel"), "there is no folder no"),
        (("--to", "bvlc", "--in-place", "-o", "x", "net.caffemodel"), "exclude each other"),
        (("--to", "bvlc", "--scale-name", "scale", "net.caffemodel"), "{bn}_scale"),
        (("--to", "bvlc", "empty"), "empty: is empty"),
        (("--to", "bvlc", "notes.txt"), "neither a net nor a solver"),
        (("--to", "bvlc", "pointer.caffemodel"), "git lfs pull"),
        (("--to", "bvlc", "--tolerance", "2", "net.caffemodel"), "from 0 to below 1"),
        (
            ("--to", "bvlc", "--like", "no.prototxt", "net.caffemodel"),
            "no.prototxt: cannot be read",
        ),
        (("--to", "bvlc", "--like", "net.caffemodel", "net.caffemodel"), "perhaps a caffemodel"),
        (("--to", "bvlc", "--like", "notes.txt", "net.caffemodel"), "is no net to fit weights to"),
        (("--to", "bvlc", "--like", "net.prototxt", "net.prototxt"), "give a caffemodel too"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_2(
    arguments: tuple[str, ...], message: str, folder: Path
) -> None:
    (folder / "empty").touch()
    (folder / "notes.txt").write_text("remember: 1\n")
    (folder / "pointer.caffemodel").write_text("version https://git-lfs.github.com/spec/v1\n")
    before = names(folder)
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert names(folder) == before


def test_a_fifo_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe.caffemodel")
    done = run("--to", "bvlc", "pipe.caffemodel", cwd=folder)
    assert done.returncode == 2
    assert "is not a regular file" in done.stderr


def test_a_folder_that_cannot_be_written_is_one_message(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (folder / "locked").mkdir(mode=0o500)
    done = run("--to", "nvidia-0.17", "net.caffemodel", "-o", "locked", cwd=folder)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


# What a file does not say is refused, with the switch that settles it.


def layer(name: str, kind: str, *blobs: list[float], wide: bool = False) -> bytes:
    """A layer as it lies in a caffemodel."""
    fields = length_delimited(1, name.encode()) + length_delimited(2, kind.encode())
    fields += length_delimited(3, b"x") + length_delimited(4, b"x")
    for values in blobs:
        array = np.array(values, np.float32)
        dims = (1, len(values), 1, 1) if wide else (len(values),)
        fields += length_delimited(7, encode_blob(array, shape=dims))
    return length_delimited(100, fields)


def test_an_uncertain_statistic_is_refused_until_it_is_told(tmp_path: Path) -> None:
    source = tmp_path / "old.caffemodel"
    numbers = [[1.0, 2.0], [0.5, -0.5], [3.0, 4.0], [0.7, 0.9], [0.0]]
    source.write_bytes(layer("bn", "BatchNorm", *numbers, wide=True))
    done = run("--to", "bvlc", "old.caffemodel", cwd=tmp_path)
    assert done.returncode == 2
    assert "layer 'bn'" in done.stderr
    assert "cuDNN" in done.stderr
    assert "--bn-stat variance or --bn-stat inv-std" in done.stderr
    assert names(tmp_path) == {"old.caffemodel"}
    done = run("--to", "bvlc", "--bn-stat", "inv-std", "old.caffemodel", cwd=tmp_path)
    assert done.returncode == 0
    assert "N15C-inv-std -> B3" in done.stdout


def test_a_factor_of_zero_beside_statistics_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "zero.caffemodel"
    source.write_bytes(layer("bn", "BatchNorm", [3.0, 4.0], [0.7, 0.9], [0.0]))
    done = run("--to", "nvidia-0.17", "zero.caffemodel", cwd=tmp_path)
    assert done.returncode == 2
    assert "factor 0" in done.stderr
    assert "--from nvidia-0.16" in done.stderr
    assert "--from bvlc" in done.stderr
    done = run("--to", "bvlc", "--from", "nvidia-0.16", "zero.caffemodel", cwd=tmp_path)
    assert done.returncode == 0


def test_one_channel_is_written_so_that_the_target_reads_it_rightly(tmp_path: Path) -> None:
    source = tmp_path / "one.caffemodel"
    numbers = [[3.5], [2.5], [1.0], [1.5], [-0.25]]
    source.write_bytes(layer("bn", "BatchNorm", *numbers))
    done = run("--to", "nvidia-0.17", "--from", "nvidia-0.16", "one.caffemodel", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "order of 0.15" in done.stdout
    done = run("--to", "bvlc", "one.nvidia-0.17.caffemodel", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "N15A -> B3" in done.stdout


def test_resume_gives_the_factor_of_a_settled_run(tmp_path: Path) -> None:
    source = tmp_path / "net.caffemodel"
    numbers = [[1.0, 2.0], [0.5, 0.25], [3.0, 4.0], [0.7, 0.9], [0.0]]
    source.write_bytes(layer("bn", "BatchNorm", *numbers))
    report = convert(source, to="bvlc", resume=True)
    (row,) = report.files[0].layers
    assert row.factor_after == 1024
    assert row.difference == pytest.approx(0, abs=1e-12)


# Damage.


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_cut_short_or_with_flipped_bits_never_leaves_a_wrong_file(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(BVLC.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    folder = tmp_path_factory.mktemp("damaged")
    source = folder / "net.caffemodel"
    source.write_bytes(content)
    with contextlib.suppress(ProtolintError):
        convert(source, to="nvidia-0.17", output=folder / "out.caffemodel")
    # A flipped bit in a value is a value: then the result is whole and proven.
    if names(folder) != {"net.caffemodel"}:
        assert names(folder) == {"net.caffemodel", "out.caffemodel"}
        index_file(str(folder / "out.caffemodel"))
    assert source.read_bytes() == bytes(content)


def test_a_truncated_file_names_the_byte_and_the_layer(tmp_path: Path) -> None:
    content = BVLC.read_bytes()
    source = tmp_path / "net.caffemodel"
    source.write_bytes(content[: len(content) - 10])
    with pytest.raises(InputError, match=r"byte \d+ .*cut short"):
        convert(source, to="nvidia-0.17")


def test_a_stray_numbers_field_of_another_caffe_is_not_misread(tmp_path: Path) -> None:
    source = tmp_path / "net.caffemodel"
    body = length_delimited(1, b"c") + length_delimited(2, b"Convolution") + varint_field(145, 1)
    source.write_bytes(length_delimited(100, body) + layer("bn", "BatchNorm", [3.0], [0.7], [1.0]))
    report = convert(source, to="bvlc", output=tmp_path / "out.caffemodel")
    assert any("forward_type (1x)" in note.message for note in report.files[0].notes)
