"""The command line as a user meets it: exit codes, messages, streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .command import CLEAN, FAULTY, process, run, write


def test_help_and_version_are_found_where_people_look() -> None:
    assert run("help").stdout == run("--help").stdout
    assert run("help", "show").stdout == run("show", "--help").stdout
    assert run("help", "nope").returncode == 2
    assert run("-V").stdout == run("--version").stdout


def test_exit_codes(tmp_path: Path) -> None:
    clean, faulty = write(tmp_path, "a.prototxt", CLEAN), write(tmp_path, "b.prototxt", FAULTY)
    for how in (run, process):
        assert how("check", clean).returncode == 0
        assert how("check", faulty).returncode == 1
        assert how("check", tmp_path / "missing.prototxt").returncode == 2
        assert how("check", "--target", "tensorflow", clean).returncode == 2
        assert how("check", "--no-such-option", clean).returncode == 2


def test_a_missing_file_does_not_keep_the_others_from_being_checked(tmp_path: Path) -> None:
    faulty = write(tmp_path, "b.prototxt", FAULTY)
    done = run("check", tmp_path / "missing.prototxt", faulty)
    assert done.returncode == 2
    assert "no such file or folder" in done.stderr
    assert "PT005" in done.stdout


def test_folders_are_searched_in_a_fixed_order(tmp_path: Path) -> None:
    write(tmp_path, "b/x y \u00e9.prototxt", FAULTY)
    write(tmp_path, "a.prototxt", FAULTY)
    write(tmp_path, ".hidden/c.prototxt", FAULTY)
    write(tmp_path, "notes.txt", "not a net")
    done = run("check", "--output-format", "json", ".", cwd=tmp_path)
    paths = [file["path"] for file in json.loads(done.stdout)["files"]]
    assert paths == ["a.prototxt", "b/x y \u00e9.prototxt"]
    assert done.returncode == 1


def test_a_file_named_twice_is_checked_once(tmp_path: Path) -> None:
    faulty = write(tmp_path, "b.prototxt", FAULTY)
    done = run("check", "--output-format", "concise", faulty, faulty, tmp_path)
    assert done.stdout.count("PT005") == 1


def test_a_folder_without_nets_is_told(tmp_path: Path) -> None:
    done = run("check", tmp_path)
    assert done.returncode == 0
    assert "no *.prototxt file below this folder" in done.stderr


def test_standard_input(tmp_path: Path) -> None:
    done = run("check", "-", "--stdin-filename", "net.prototxt", stdin=FAULTY.encode())
    assert done.returncode == 1
    assert "net.prototxt:1:19" in done.stdout
    assert run("check", "-", stdin=CLEAN.encode()).returncode == 0


def test_several_targets(tmp_path: Path) -> None:
    net = write(
        tmp_path, "a.prototxt", 'layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "y" }\n'
    )  # fmt: skip
    done = run(
        "check", "--target", "bvlc", "--target", "nvidia-0.15", "--output-format", "json", net
    )
    document = json.loads(done.stdout)
    assert [file["target"] for file in document["files"]] == ["bvlc", "nvidia-0.15"]
    assert [(d["code"], d["target"]) for d in document["diagnostics"] if d["code"] == "BN003"] == [
        ("BN003", "nvidia-0.15")
    ]


HOSTILE = [
    pytest.param(b"\0\1\2" * 40, "a binary file, perhaps a caffemodel", 2, id="binary"),
    pytest.param(b"\x89HDF\r\n\x1a\n\0\0", "cannot be read as HDF5", 2, id="HDF5"),
    pytest.param(b"", "the file has no field", 1, id="empty"),
    pytest.param(b"layer { name: 'x", "the file ends in the middle of a string", 1, id="cut short"),
    pytest.param(b"a {" * 10_000, "nested deeper than 100 levels", 1, id="10,000 braces"),
    pytest.param(b"#" * (33 << 20), "33 MiB; a prototxt is text of at most 32 MiB", 2, id="33 MiB"),
]


@pytest.mark.parametrize(("content", "message", "code"), HOSTILE)
def test_bad_input_ends_in_one_clear_message(
    tmp_path: Path, content: bytes, message: str, code: int
) -> None:
    path = write(tmp_path, "bad.prototxt", content)
    done = run("check", "--output-format", "concise", path)
    shown = [line for line in (done.stdout + done.stderr).splitlines() if "bad.prototxt" in line]
    assert len(shown) == 1
    assert message in shown[0]
    assert done.returncode == code


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "folder.prototxt"
    folder.mkdir()
    link = tmp_path / "link.prototxt"
    link.symlink_to(tmp_path / "nowhere")
    done = run("check", link)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such file" in done.stderr


def test_people_who_meant_the_other_protolint_are_told(tmp_path: Path) -> None:
    schema = write(tmp_path, "caffe.proto", 'syntax = "proto2";')
    for arguments in (("lint", schema), ("check", schema)):
        done = run(*arguments)
        assert done.returncode == 2
        assert "another tool of the same name (yoheimuta/protolint)" in done.stderr
    assert "to check a file: protolint check a.prototxt" in run("a.prototxt").stderr
    assert "did you mean 'check'" in run("chek").stderr


def test_version_names_the_tool() -> None:
    done = run("--version")
    assert done.stdout.startswith("protolint (Caffe prototxt and caffemodel) ")


def test_help_fits_a_screen() -> None:
    for command in ((), ("check",), ("show",), ("rule",)):
        done = run(*command, "--help")
        assert done.returncode == 0
        assert "Example: " in done.stdout
        assert len(done.stdout.splitlines()) <= 45


def test_rule_explains_offline() -> None:
    page = run("rule", "bn003").stdout
    assert page.startswith("BN003 missing-scale-filler (error, for nvidia-0.14, nvidia-0.15)\n")
    assert "Which Caffe\n" in page
    assert run("rule", "missing-scale-filler").stdout == page
    described = json.loads(run("rule", "BN003", "--output-format", "json").stdout)
    assert described["code"] == "BN003"
    assert described["invalid"][0]["fixed"]


def test_rule_lists_all() -> None:
    lines = run("rule", "--all").stdout.splitlines()
    assert [line[:5] for line in lines] == sorted(line[:5] for line in lines)
    assert len(lines) >= 12
    assert len(json.loads(run("rule", "--all", "--output-format", "json").stdout)) == len(lines)


def test_an_unknown_rule_is_told_with_the_nearest() -> None:
    done = run("rule", "BN0003")
    assert done.returncode == 2
    assert "there is no rule 'BN0003'; did you mean 'BN003'?" in done.stderr
    both = run("rule", "BN003", "CV001").stdout
    assert "BN003 missing-scale-filler" in both
    assert "a note of protolint convert" in both
    family = run("rule", "sv").stdout.splitlines()
    assert family == [line for line in run("rule", "--all").stdout.splitlines() if line[:2] == "SV"]
    assert run("rule", "SV", "BN003").returncode == 2
    assert len(json.loads(run("rule", "BN001", "BN002", "--output-format", "json").stdout)) == 2
    assert run("rule").returncode == 2


def test_colour_follows_the_environment(tmp_path: Path) -> None:
    faulty = write(tmp_path, "b.prototxt", FAULTY)
    assert "\x1b[" not in run("check", faulty).stdout
    assert "\x1b[" in run("check", faulty, FORCE_COLOR="1").stdout
    assert "\x1b[" not in run("check", faulty, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b[" in run("check", "--color", "always", faulty, NO_COLOR="1").stdout
    assert "\x1b[" not in run("check", "--color", "never", faulty, CLICOLOR_FORCE="1").stdout


def test_a_configuration_beside_the_file_is_read_unless_isolated(tmp_path: Path) -> None:
    write(tmp_path, "protolint.toml", 'target = "nvidia-0.14"\n')
    net = write(tmp_path, "a.prototxt", CLEAN)
    read = json.loads(run("check", "--output-format", "json", net).stdout)
    assert read["files"][0]["target_reason"] == "as protolint.toml says"
    alone = json.loads(run("check", "--isolated", "--output-format", "json", net).stdout)
    assert alone["files"][0]["target"] == "bvlc"
    write(tmp_path, "protolint.toml", "tarket = 1\n")
    done = run("check", net)
    assert done.returncode == 2
    assert "unknown key 'tarket'; did you mean 'target'?" in done.stderr


def test_a_forks_own_schema_is_used(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="compiling a .proto needs grpcio-tools")
    shipped = Path(__file__).resolve().parents[2] / "proto" / "bvlc.proto"
    text = shipped.read_text("utf-8").replace(
        "message BatchNormParameter {", "message BatchNormParameter {\n  optional bool mine = 99;"
    )
    schema = write(tmp_path, "fork.proto", text)
    net = write(tmp_path, "a.prototxt", 'layer { type: "BatchNorm" batch_norm_param { mine: 1 } }')
    assert "'mine'" in run("check", net).stdout
    assert "'mine'" not in run("check", "--proto", schema, net).stdout
    broken = write(tmp_path, "broken.proto", "message {")
    done = run("check", "--proto", broken, net)
    assert done.returncode == 2
    assert "broken.proto" in done.stderr
    other = write(tmp_path, "other.proto", 'syntax = "proto2"; message Cat {}')
    assert "declares no LayerParameter" in run("check", "--proto", other, net).stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently there")
def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", "x: 1\n" * 50_000)
    command = f"{sys.executable} -m protolint check --output-format concise {tmp_path} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="signals differ there")
def test_ctrl_c_ends_without_a_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "protolint", "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs its tests in the background has SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin is not None
    # More than a pipe holds: it is written when the check reads.
    process.stdin.write(b"#" * (1 << 20))
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert b"Traceback" not in stderr
    assert process.returncode == 130
