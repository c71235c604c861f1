"""Fixing, suppressing, baselines, selection and the rest, as a user types them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from protolint.workspace.config_keys import keys

from .command import CLEAN, FAULTY, process, run, write

REPOSITORY = Path(__file__).resolve().parents[2]

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden" / "bvlc-master-9b89154"
FIXABLE = 'layer { name: "i" type: Input top: "x" input_param { shape { dim: 1 } } }\n'
UNSAFE = 'layer { name: "i" type: "input" top: "x" }\n'


def test_fix_writes_what_it_says(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", "# keep me\r\n" + FIXABLE)
    net.chmod(0o640)
    done = run("check", "--fix", net)
    assert done.returncode == 0
    assert "applied 1 PT007" in done.stderr
    assert net.read_bytes() == b"# keep me\r\n" + CLEAN.encode()
    assert net.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["a.prototxt"]


def test_unsafe_fixes_need_to_be_asked_for(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", UNSAFE)
    assert run("check", "--fix", net).returncode == 1
    assert net.read_text() == UNSAFE
    assert run("check", "--fix", "--unsafe-fixes", net).returncode == 0
    assert '"Input"' in net.read_text()


def test_diff_writes_nothing(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FIXABLE)
    done = run("check", "--diff", net)
    assert done.returncode == 1
    assert f"-{FIXABLE}+{CLEAN}" in done.stdout
    assert net.read_text() == FIXABLE
    assert run("check", "--diff", write(tmp_path, "b.prototxt", CLEAN)).returncode == 0


def test_fixing_standard_input_prints_the_fixed_text() -> None:
    done = run("check", "--fix", "-", stdin=FIXABLE.encode())
    assert done.stdout == CLEAN
    assert done.returncode == 0


def test_one_target_at_a_time_is_fixed(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FIXABLE)
    done = run("check", "--fix", "--target", "bvlc", "--target", "nvidia", net)
    assert done.returncode == 2
    assert "one --target" in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FIXABLE)
    tmp_path.chmod(0o500)
    done = run("check", "--fix", net)
    tmp_path.chmod(0o700)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert net.read_text() == FIXABLE


def test_suppressions_are_written(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", "--add-suppressions", "old", net)
    assert done.returncode == 0
    assert net.read_text() == FAULTY[:-1] + "  # protolint: ignore[PT005] old\n"
    assert run("check", net).returncode == 0


def test_a_file_is_no_reason(tmp_path: Path) -> None:
    """Without a reason the file would be one, and everything here would be changed."""
    net = write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", "--add-suppressions", net, cwd=tmp_path)
    assert (done.returncode, "give the reason first" in done.stderr) == (2, True)
    assert net.read_text() == FAULTY


def test_a_baseline_lets_old_findings_pass_and_fails_when_stale(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FAULTY)
    baseline = tmp_path / "baseline.json"
    assert run("check", "--baseline", baseline, "--write-baseline", net).returncode == 0
    assert run("check", "--baseline", baseline, net).returncode == 0
    write(tmp_path, "a.prototxt", FAULTY + 'layer { name: "n" type: "New" }\n')
    done = run("check", "--baseline", baseline, "--output-format", "concise", net)
    assert done.returncode == 1
    assert "'New'" in done.stdout
    assert "'Inptu'" not in done.stdout
    write(tmp_path, "a.prototxt", CLEAN)
    done = run("check", "--baseline", baseline, net)
    assert done.returncode == 1
    assert "PT005 in layer i of a.prototxt (bvlc) is no longer found" in done.stderr
    write(tmp_path, "baseline.json", "{}")
    assert "not a baseline" in run("check", "--baseline", baseline, net).stderr
    assert "--write-baseline" in run("check", "--baseline", tmp_path / "no", net).stderr


def test_selection_on_the_command_line(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FAULTY)
    assert run("check", "--select", "BN,NT", net).returncode == 0
    assert run("check", "--ignore", "unknown-layer-type", net).returncode == 0
    assert run("check", "--select", "BN", "--extend-select", "PT005", net).returncode == 1
    done = run("check", "--select", "BN01", net)
    assert done.returncode == 2
    assert "there is no rule 'BN01'; did you mean 'BN001'?" in done.stderr


def test_fail_level(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", "# nothing\n")
    assert run("check", net).returncode == 1
    assert run("check", "--fail-level", "error", net).returncode == 0
    assert run("check", "--exit-zero", write(tmp_path, "b.prototxt", FAULTY)).returncode == 0


def test_statistics(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY * 2)
    write(tmp_path, "b.prototxt", FAULTY)
    lines = run("check", "--statistics", "--select", "PT005", tmp_path).stdout.splitlines()
    assert lines[0].split() == ["2", "PT005", "unknown-layer-type", "in", "2", "files"]


def test_statistics_for_programs_have_the_keys_of_ruffs(tmp_path: Path) -> None:
    for name in "abcd":
        write(tmp_path, f"{name}.prototxt", FAULTY)
    net = REPOSITORY / "fixtures" / "nets" / "digits_inplace_cudnn.prototxt"
    asked = ("check", "--statistics", "--output-format", "json", "--select", "PT005,BN001")
    (first, second) = json.loads(run(*asked, tmp_path, net).stdout)
    assert first == {
        "code": "PT005", "name": "unknown-layer-type", "count": 4,
        "fixable": False, "fixable_count": 0, "files": 4,
    }  # fmt: skip
    assert second == {
        "code": "BN001", "name": "inplace-cudnn-batchnorm", "count": 3,
        "fixable": True, "fixable_count": 3, "files": 1,
    }  # fmt: skip
    assert json.loads(run(*asked, write(tmp_path, "e.prototxt", CLEAN)).stdout) == []


def test_excluded_files_are_left_out_and_named_ones_only_if_forced(tmp_path: Path) -> None:
    write(tmp_path, "protolint.toml", 'exclude = ["old"]\n')
    write(tmp_path, "a.prototxt", CLEAN)
    old = write(tmp_path, "old/b.prototxt", FAULTY)
    assert run("check", tmp_path).returncode == 0
    assert run("check", old).returncode == 1
    assert run("check", "--force-exclude", old).returncode == 0
    listed = run("check", "--show-files", tmp_path).stdout.splitlines()
    assert listed == [str(tmp_path / "a.prototxt")]


def test_settings_are_shown(tmp_path: Path) -> None:
    write(tmp_path, "protolint.toml", 'target = "nvidia-0.15"\nselect = ["BN001"]\n')
    shown = run("check", "--show-settings", write(tmp_path, "a.prototxt", CLEAN)).stdout
    assert f"# read from {tmp_path / 'protolint.toml'}" in shown
    assert 'target = ["nvidia-0.15"]\n' in shown
    assert 'select = ["BN001"]\n' in shown


EVERY_KEY = """\
proto = "own.proto"
baseline = "known.json"
[per-file-ignores]
"*.prototxt" = ["BN001"]
[per-file-targets]
"b*" = "ssd"
[severity]
BN001 = "info"
"""


def test_every_key_is_shown(tmp_path: Path) -> None:
    """What `extend` and `ignore` come to is in the other keys."""
    tomllib = pytest.importorskip("tomllib")
    write(tmp_path, "protolint.toml", EVERY_KEY)
    write(tmp_path, "own.proto", (REPOSITORY / "proto" / "bvlc.proto").read_text("utf-8"))
    shown = run("check", "--show-settings", write(tmp_path, "a.prototxt", CLEAN)).stdout
    assert tomllib.loads(shown).keys() == set(keys()) - {"extend", "ignore"}


def test_several_processes_find_the_same(tmp_path: Path) -> None:
    for i in range(7):
        write(tmp_path, f"{i}.prototxt", FAULTY if i % 2 else CLEAN)
    one = run("check", "--output-format", "json", "--jobs", "1", tmp_path)
    three = process("check", "--output-format", "json", "--jobs", "3", tmp_path)
    assert json.loads(one.stdout) == json.loads(three.stdout)
    assert one.returncode == three.returncode == 1


def test_auto_leaves_the_configured_target_out(tmp_path: Path) -> None:
    bn = 'layer { name: "d" type: "Data" top: "x" }\n'
    bn += 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'
    write(tmp_path, "net.prototxt", bn)
    write(tmp_path, "told.prototxt", f"# protolint: target=nvidia-0.17\n{bn}")
    write(tmp_path, "protolint.toml", 'target = "nvidia-0.15"\n')

    def targets(*options: str, code: int = 0) -> list[str]:
        done = run(
            "check", "--output-format", "json", "--select", "PT", *options, ".", cwd=tmp_path
        )
        assert done.returncode == code
        return [file["target"] for file in json.loads(done.stdout)["files"]]

    assert targets() == ["nvidia-0.15", "nvidia-0.17"]
    assert targets("--target", "auto") == ["bvlc", "nvidia-0.17"]
    write(
        tmp_path, "protolint.toml",
        'target = "nvidia-0.15"\n[per-file-targets]\n"net.*" = "auto"\n',
    )  # fmt: skip
    assert targets() == ["bvlc", "nvidia-0.17"]
    both = run("check", "--target", "auto", "--target", "bvlc", ".", cwd=tmp_path)
    assert (both.returncode, both.stderr) == (
        2, "protolint: --target auto stands alone: each file shows its own\n",
    )  # fmt: skip
    nowhere = run("convert", "--to", "auto", "net.prototxt", cwd=tmp_path)
    assert nowhere.returncode == 2
    assert "unknown target 'auto'" in nowhere.stderr


def test_thresholds_of_the_command_line_win(tmp_path: Path) -> None:
    model = GOLDEN / "brook.caffemodel"
    write(tmp_path, "protolint.toml", "[thresholds]\nfew-batches = 3\n")
    (tmp_path / "net.caffemodel").write_bytes(model.read_bytes())

    def codes(verb: str, *options: str) -> list[str]:
        form = ("--format", "json") if verb == "stats" else ("--output-format", "json")
        done = run(verb, *form, *options, "net.caffemodel", cwd=tmp_path)
        document = json.loads(done.stdout)
        found = document["diagnostics" if verb == "check" else "findings"]
        return [finding["code"] for finding in found]

    for verb in ("check", "stats"):
        assert codes(verb) == []
        assert codes(verb, "--threshold", "few-batches=6") == ["WT011", "WT011"]
        for wrong, shown in (
            ("few-batch=6", "did you mean 'few-batches'?"),
            ("few-batches", "is no KEY=NUMBER"),
            ("few-batches=x", "takes a number of 0 or more, not 'x'"),
            ("zero-gamma-share=nan", "takes a number from 0 to 1, not 'nan'"),
        ):
            done = run(verb, "--threshold", wrong, "net.caffemodel", cwd=tmp_path)
            assert done.returncode == 2
            assert shown in done.stderr


def test_a_file_for_several_targets_is_not_fixed_and_stops_no_other(tmp_path: Path) -> None:
    both = f"# protolint: target=bvlc\n# protolint: target=nvidia-0.15\n{FIXABLE}"
    write(tmp_path, "a.prototxt", both)
    write(tmp_path, "b.prototxt", FIXABLE)
    done = run("check", "--fix", "a.prototxt", "b.prototxt", cwd=tmp_path)
    assert done.returncode == 2
    assert "a.prototxt: is for several targets" in done.stderr
    assert "fault of protolint" not in done.stderr
    assert (tmp_path / "a.prototxt").read_text("utf-8") == both
    assert (tmp_path / "b.prototxt").read_text("utf-8") != FIXABLE


def test_a_misspelt_field_is_not_filled_in_beside(tmp_path: Path) -> None:
    net = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param { engine: CAFFE scale_fillr { value: 2 } } }
"""
    path = write(tmp_path, "net.prototxt", net)
    options = ("--target", "nvidia-0.15", "net.prototxt")
    run("check", "--fix", "--select", "BN003,PT002", *options, cwd=tmp_path)
    assert path.read_text("utf-8") == net
    run("check", "--fix", "--unsafe-fixes", "--select", "BN003,PT002", *options, cwd=tmp_path)
    assert path.read_text("utf-8") == net.replace("fillr", "filler")


def test_entries_of_rules_that_did_not_run_are_not_stale(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    write(tmp_path, "b.prototxt", FAULTY)
    run("check", "--write-baseline", "--baseline", "r.json", ".", cwd=tmp_path)
    for options in (("--select", "NT"), ("--ignore", "PT005")):
        done = run("check", "--baseline", "r.json", *options, ".", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "b.prototxt").unlink()
    done = run("check", "--baseline", "r.json", ".", cwd=tmp_path)
    assert done.returncode == 1
    assert "of b.prototxt" in done.stderr


@pytest.mark.parametrize("document", ["[]", "{}", '{"version": 1, "findings": [3]}', "x"])
def test_what_is_no_baseline_is_told(document: str, tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", CLEAN)
    write(tmp_path, "r.json", document)
    done = run("check", "--baseline", "r.json", "a.prototxt", cwd=tmp_path)
    assert done.returncode == 2
    assert "r.json: not a baseline of protolint: " in done.stderr
    assert "subscriptable" not in done.stderr


def test_suppressions_do_not_break_a_net_nor_hide_that_it_is_broken(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", "--add-suppressions", "two\nlines", "a.prototxt", cwd=tmp_path)
    assert (done.returncode, "one line" in done.stderr) == (2, True)
    broken = 'layer { name: "a\n type: "Foo" }\n'
    write(tmp_path, "b.prototxt", broken)
    assert run("check", "--add-suppressions", "why", "b.prototxt", cwd=tmp_path).returncode == 1
    assert (tmp_path / "b.prototxt").read_text("utf-8") == broken
    hidden = write(tmp_path, "c.prototxt", f"# protolint: ignore-file[PT001] x\n{broken}")
    assert run("check", hidden, cwd=tmp_path).returncode == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--diff", "--output", "json=o.json"),
        ("--diff", "--write-baseline"),
        ("--diff", "--statistics"),
        ("--statistics", "--output-format", "sarif"),
        ("--fix", "--add-suppressions", "x"),
    ],
)
def test_options_that_would_be_dropped_are_refused(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", *options, "a.prototxt", cwd=tmp_path)
    assert done.returncode == 2
    assert " does not go with " in done.stderr
    assert (tmp_path / "a.prototxt").read_text("utf-8") == FAULTY


def test_no_rule_is_no_selection(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", "--select", "", "a.prototxt", cwd=tmp_path)
    assert (done.returncode, "no rule is named" in done.stderr) == (2, True)
    for table, shown in (("select = []", "names no rule"), ("target = []", "names no target")):
        write(tmp_path, "protolint.toml", table + "\n")
        done = run("check", "a.prototxt", cwd=tmp_path)
        assert (done.returncode, shown in done.stderr) == (2, True)
    write(tmp_path, "protolint.toml", '[tool.protolint]\ntarget = "bvlc"\n')
    assert "leave the table's name out" in run("check", "a.prototxt", cwd=tmp_path).stderr


def test_one_file_under_two_names_is_checked_once(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", "a.prototxt", "./a.prototxt", ".", "--statistics", cwd=tmp_path)
    assert done.stdout == run("check", ".", "--statistics", cwd=tmp_path).stdout


def test_an_output_that_is_full_or_closed_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    program = f"{shlex.quote(sys.executable)} -m protolint check a.prototxt"
    closed = subprocess.run(
        ["sh", "-c", f"{program} >&-"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (closed.returncode, closed.stderr) == (1, "")
    if os.path.exists("/dev/full"):
        full = subprocess.run(
            ["sh", "-c", f"{program} >/dev/full"], cwd=tmp_path, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
        assert full.returncode == 2
        assert full.stderr == "protolint: standard output: No space left on device\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a FIFO")
def test_a_pipe_is_written_into_and_never_replaced(tmp_path: Path) -> None:
    import stat
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    done = run("stats", GOLDEN / "brook.caffemodel", "--html", pipe)
    reader.join(30)
    assert done.returncode == 0
    assert read[0].startswith(b"<!DOCTYPE html>")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
