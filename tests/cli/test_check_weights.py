"""`protolint check` on weights, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .command import CLEAN, process, run, write

GOLDEN = Path(__file__).resolve().parents[2] / "fixtures" / "golden"
BVLC = GOLDEN / "bvlc-master-9b89154"
MODEL, NET = BVLC / "brook.caffemodel", BVLC / "brook.prototxt"


def check(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, list[str], str]:
    """The exit code, what was found, and what went to stderr."""
    # Other processes are only started from one of our own.
    how = process if "--jobs" in arguments else run
    done = how("check", "--isolated", "--output-format", "json", *arguments, cwd=cwd)
    assert "Traceback" not in done.stderr
    document = json.loads(done.stdout)
    found = [f"{d['code']} {d['layer'] or ''}".strip() for d in document["diagnostics"]]
    return done.returncode, found, done.stderr


def test_weights_alone_with_a_net_and_beside_one() -> None:
    young = ["WT011 norm_a", "WT011 norm_b"]
    assert check(MODEL) == (1, young, "")
    assert check(NET, MODEL) == (1, young, "")
    assert check(NET, "--weights", MODEL) == (1, young, "")
    code, found, _ = check(NET, "--weights", MODEL, "--target", "nvidia-0.17", "--select", "WT")
    assert (code, found) == (1, young)
    assert check(MODEL, "--ignore", "WT011") == (0, [], "")
    assert check(MODEL, "--select", "untrained-statistics")[1] == young


def test_a_missing_cudnn_is_believed_for_weights() -> None:
    folder = GOLDEN / "nvcaffe-0.15.14"
    arguments = (folder / "brook.prototxt", "--weights", folder / "brook.caffemodel")
    assert check(*arguments, "--select", "WT")[1] == ["WT005 norm_a", "WT005 norm_b"]
    assert check(*arguments, "--select", "WT", "--without-cudnn")[1] == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.caffemodel", b""), ("b.weights", bytes(40)), ("c.h5", b""), ("d.caffemodel", b"\n\3net")],
)
def test_what_holds_nothing_is_no_prototxt(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, name, content)
    assert check(name, cwd=tmp_path) == (1, ["WT015"], "")


def test_the_content_counts_more_than_the_name(tmp_path: Path) -> None:
    for name in ("net.bin", "net.prototxt", "n\u00e4t \u30e2.caffemodel"):
        write(tmp_path, name, MODEL.read_bytes())
        assert check(name, cwd=tmp_path)[:2] == (1, ["WT011 norm_a", "WT011 norm_b"])
    write(tmp_path, "net.h5", MODEL.read_bytes())
    assert check("net.h5", "--target", "nvidia-0.17", cwd=tmp_path)[:2] == (1, ["WT017"])


CUT = MODEL.read_bytes()[:1500]
DIM = MODEL.read_bytes().replace(b":\x03\x0a\x01\x08", b":\x03\x0a\x01\x09")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut.caffemodel", CUT, "byte 1285 (layer 5 'mix_b'): field 100 needs 1586 bytes more"),
        ("dim.caffemodel", DIM, "(layer 2 'norm_a', blob 0): the shape 9 needs 9 values"),
        ("odd.caffemodel", bytes(range(1, 200)), "byte 0: "),
        ("long.caffemodel", b"\xa2\x06\xff\xff\xff\xff\x7f", "byte 0"),
        ("lfs.caffemodel", b"version https://git-lfs.github.com/spec/v1\n", "run `git lfs pull`"),
        ("text.caffemodel", CLEAN.encode(), "text, such as a prototxt: give the binary weights"),
        ("zip.caffemodel", b"PK\3\4" + bytes(99), "a zip archive: unpack it first"),
        ("cut.caffemodel.h5", b"\x89HDF\r\n\x1a\n" + bytes(50), "cannot be read as HDF5"),
        ("state.solverstate", b"\x08\x05\x12\x03abc\0", "a prototxt file is wanted here"),
        ("utf16.prototxt", "name: 'x'".encode("utf-16"), "text in UTF-16"),
    ],
)
def test_damaged_files_are_told_where(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    if name.endswith(".h5"):
        pytest.importorskip("h5py")
    write(tmp_path, name, content)
    write(tmp_path, "good.prototxt", CLEAN)
    code, found, stderr = check(name, "good.prototxt", cwd=tmp_path)
    assert (code, found) == (2, [])
    assert stderr.startswith(f"protolint: {name}: ")
    assert message in stderr
    assert check("good.prototxt", "--weights", name, cwd=tmp_path)[0] == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.caffemodel")
    code, _, stderr = check("pipe.caffemodel", cwd=tmp_path)
    assert code == 2
    assert "is not a regular file" in stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "a.caffemodel", "a.prototxt", "b.prototxt"], "and 2 were given"),
        (["--weights", "a.caffemodel", "a.caffemodel"], "and none was given"),
        (["--weights", "a.caffemodel", "."], "and 2 were given"),
        (["--weights", "no.caffemodel", "a.prototxt"], "no.caffemodel: cannot be read: No such"),
        (["--weights", "a.caffemodel", "a.bin"], "a.bin: weights, and --weights goes with a net"),
        (["no.caffemodel"], "no.caffemodel: no such file or folder"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], message: str) -> None:
    for name in ("a.prototxt", "b.prototxt"):
        write(tmp_path, name, CLEAN)
    for name in ("a.caffemodel", "a.bin"):
        write(tmp_path, name, MODEL.read_bytes())
    done = run("check", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_folders_find_prototxts_only(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", CLEAN)
    write(tmp_path, "a.caffemodel", MODEL.read_bytes())
    assert run("check", "--show-files", ".", cwd=tmp_path).stdout == "a.prototxt\n"
    assert check(".", cwd=tmp_path) == (0, [], "")


def test_ignores_severities_and_a_baseline_hold_for_weights(tmp_path: Path) -> None:
    write(tmp_path, "m.caffemodel", MODEL.read_bytes())
    config = write(tmp_path, "protolint.toml", '[per-file-ignores]\n"*.caffemodel" = "WT011"\n')
    assert run("check", "m.caffemodel", cwd=tmp_path).returncode == 0
    config.write_text('[severity]\nWT011 = "info"\n', "utf-8")
    assert run("check", "m.caffemodel", cwd=tmp_path).returncode == 0
    assert run("check", "--fail-level", "info", "m.caffemodel", cwd=tmp_path).returncode == 1
    config.write_text("[thresholds]\nfew-batches = 3\n", "utf-8")
    assert run("check", "m.caffemodel", cwd=tmp_path).returncode == 0
    config.unlink()
    assert run("check", "--write-baseline", "m.caffemodel", cwd=tmp_path).returncode == 0
    baseline = ("--baseline", "protolint-baseline.json")
    assert run("check", *baseline, "m.caffemodel", cwd=tmp_path).returncode == 0
    damaged = BVLC.parent / "nvcaffe-0.17.4" / "brook.caffemodel"
    write(tmp_path, "m.caffemodel", damaged.read_bytes())
    done = run("check", *baseline, "--target", "bvlc", "m.caffemodel", cwd=tmp_path)
    assert done.returncode == 1
    assert "WT020" in done.stdout


def test_nothing_is_written_into_weights(tmp_path: Path) -> None:
    model = write(tmp_path, "m.caffemodel", MODEL.read_bytes())
    net = write(tmp_path, "a.prototxt", CLEAN.replace('"Input"', "Input"))
    done = run("check", "--fix", net, model)
    assert "applied 1 PT007" in done.stderr
    assert "WT011" in done.stdout
    done = run("check", "--add-suppressions", "known", model)
    assert "has no comments; list its findings in per-file-ignores or a baseline" in done.stderr
    assert run("check", "--diff", model).stdout == ""
    assert model.read_bytes() == MODEL.read_bytes()
    done = run("check", "--output", f"json={model}", model)
    assert done.returncode == 2
    assert "not overwritten by a report" in done.stderr
    assert model.read_bytes() == MODEL.read_bytes()


def test_several_targets_and_processes_give_the_same(tmp_path: Path) -> None:
    names = [write(tmp_path, f"{i}.caffemodel", MODEL.read_bytes()).name for i in range(3)]
    one = check("--target", "bvlc", "--target", "nvidia-0.16", *names, cwd=tmp_path)
    two = check("--target", "bvlc", "--target", "nvidia-0.16", "--jobs", "2", *names, cwd=tmp_path)
    assert one == two
    assert one[1].count("WT009 norm_a") == 3


def test_a_prototxt_imports_no_rule_on_weights(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", "# protolint: ignore-file[WT001] none here\n" + CLEAN)
    program = (
        "import sys, protolint.cli.verbs as m; "
        "m.cli.main(['check', sys.argv[1]], standalone_mode=False); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(net)], capture_output=True, text=True, timeout=120
    )
    # The comment names a rule that is known, though its module was not imported.
    assert "No findings" in done.stdout
    loaded = set(done.stderr.split())
    assert "protolint.rules.pl001_invalid_directive" in loaded
    assert not any(name.startswith("protolint.rules.wt") for name in loaded)
    assert loaded & {"numpy", "protolint.lint.weights", "protolint.batchnorm"} == set()
