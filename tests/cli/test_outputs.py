"""Reports written to files beside the one on standard output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from protolint.report import FORMATS

from .command import CLEAN, FAULTY, run, write


def test_several_reports_in_one_run(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY)
    done = run(
        "check", "--output", "sarif=out.sarif", "--output", "junit=d\u00e9 j\u00e0.xml",
        "--output-format", "concise", ".", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.startswith("a.prototxt:1:19: error PT005")
    assert done.stderr == ""
    (sarif_run,) = json.loads((tmp_path / "out.sarif").read_bytes())["runs"]
    assert [result["ruleId"] for result in sarif_run["results"]] == ["PT005"]
    assert ET.parse(tmp_path / "d\u00e9 j\u00e0.xml").getroot().get("failures") == "1"
    assert sorted(os.listdir(tmp_path)) == ["a.prototxt", "d\u00e9 j\u00e0.xml", "out.sarif"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_gets_what_standard_output_would_get(tmp_path: Path, name: str) -> None:
    net = write(tmp_path, "r\u00e9seau.prototxt", FAULTY)
    out = tmp_path / "out=1"
    done = run("check", "--output", f"{name}={out}", "--output-format", name, net)
    assert out.read_bytes().decode() == done.stdout
    # A terminal's colours are for the terminal.
    coloured = run("check", "--output", f"{name}={out}", "--color", "always", net)
    assert "\x1b[" in coloured.stdout
    assert b"\x1b" not in out.read_bytes()


def test_a_clean_run_writes_its_reports_too(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", CLEAN)
    done = run("check", "--output", f"gitlab={tmp_path / 'out.json'}", net)
    assert done.returncode == 0
    assert json.loads((tmp_path / "out.json").read_bytes()) == []


def test_what_is_left_after_fixing_and_the_baseline_is_written(tmp_path: Path) -> None:
    fixable = 'layer { name: "i" type: Input top: "x" input_param { shape { dim: 1 } } }\n'
    net = write(tmp_path, "a.prototxt", fixable)
    out = tmp_path / "out.json"
    assert run("check", "--fix", "--output", f"gitlab={out}", net).returncode == 0
    assert json.loads(out.read_bytes()) == []
    write(tmp_path, "a.prototxt", FAULTY)
    assert run("check", "--output", f"gitlab={out}", net).returncode == 1
    assert len(json.loads(out.read_bytes())) == 1
    baseline = tmp_path / "baseline.json"
    run("check", "--baseline", baseline, "--write-baseline", net)
    assert run("check", "--baseline", baseline, "--output", f"gitlab={out}", net).returncode == 0
    assert json.loads(out.read_bytes()) == []


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab", "junit"])
def test_a_document_is_one_even_where_nothing_could_be_read(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    done = run("check", "--output-format", name, "--output", f"{name}={out}", tmp_path / "missing")
    assert done.returncode == 2
    assert "no such file" in done.stderr
    assert out.read_text() == done.stdout
    if name == "junit":
        assert ET.fromstring(done.stdout).get("tests") == "0"
    else:
        json.loads(done.stdout)


WRONG = [
    pytest.param("sarif", "'sarif' is not FORMAT=FILE, as in sarif=out.sarif", id="no file"),
    pytest.param("sarif=", "'sarif=' is not FORMAT=FILE", id="empty file"),
    pytest.param(
        "sariv=x", "unknown format 'sariv'; did you mean 'sarif'?; known: full", id="typo"
    ),
    pytest.param("x.sarif", "'x.sarif' is not FORMAT=FILE", id="no format"),
    pytest.param("=x", "unknown format ''; known: full", id="empty format"),
    pytest.param("json=-", "for standard output: --output-format json", id="stdout"),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_a_wrong_value_is_told_before_anything_is_checked(
    tmp_path: Path, value: str, message: str
) -> None:
    done = run("check", "--output", value, ".", cwd=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert os.listdir(tmp_path) == []


def test_two_reports_do_not_go_to_one_file(tmp_path: Path) -> None:
    done = run("check", "--output", "json=x", "--output", "sarif=./x", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "two reports would go to ./x" in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_checked_file_is_not_overwritten(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FAULTY)
    done = run("check", "--output", "json=./a.prototxt", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "a.prototxt: is checked in this run" in done.stderr
    assert net.read_text() == FAULTY
    assert "PT005" in done.stdout


def test_a_report_that_cannot_be_written_does_not_keep_back_the_others(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", CLEAN)
    (tmp_path / "folder").mkdir()
    done = run(
        "check", "--output", "json=no/such.json", "--output", "json=folder",
        "--output", "json=out.json", net, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no/such.json: cannot be written: there is no folder no" in done.stderr
    assert "folder: cannot be written" in done.stderr
    assert json.loads((tmp_path / "out.json").read_bytes())["diagnostics"] == []
    assert done.stdout.startswith("No findings")
    assert sorted(os.listdir(tmp_path)) == ["a.prototxt", "folder", "out.json"]


@pytest.mark.skipif(os.name == "nt", reason="permissions differ there")
def test_others_may_read_a_report_as_the_umask_says(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", CLEAN)
    command = f"umask 027; {sys.executable} -m protolint check --output json=out.json ."
    assert subprocess.run(command, shell=True, cwd=tmp_path, timeout=120).returncode == 0
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o640
    (tmp_path / "out.json").chmod(0o604)
    assert subprocess.run(command, shell=True, cwd=tmp_path, timeout=120).returncode == 0
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o604


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    net = write(tmp_path, "a.prototxt", FAULTY)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    run("check", "--output", f"gitlab={pipe}", net)
    text, _ = reader.communicate(timeout=60)
    assert len(json.loads(text)) == 1
    assert pipe.is_fifo()


def test_reports_are_written_though_nobody_reads_standard_output(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", FAULTY * 2_000)
    command = f"{sys.executable} -m protolint check --output json=out.json {tmp_path} | head -n 1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.stderr == ""
    assert len(json.loads((tmp_path / "out.json").read_bytes())["diagnostics"]) >= 2_000


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_codes_are_links_only_where_a_terminal_shows_them(tmp_path: Path) -> None:
    import pty

    net = write(tmp_path, "b.prototxt", FAULTY)
    page = "\x1b]8;;https://github.com/protolint-caffe/protolint/blob/main/docs/rules/PT005.md\x1b"

    def on_a_terminal(*options: str) -> str:
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "protolint", "check", *options, str(net)]
        environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
        process = subprocess.Popen(command, stdout=theirs, env={**environment, "TERM": "xterm"})
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # how Linux says that the other side is closed
            pass
        os.close(ours)
        assert process.wait(timeout=60) == 1
        return shown.decode()

    for name in ("full", "concise", "grouped"):
        assert page in on_a_terminal("--output-format", name)
        assert "\x1b" not in on_a_terminal("--output-format", name, "--color", "never")
    assert "\x1b" not in on_a_terminal("--output-format", "github")
    assert "\x1b]8" not in run("check", "--color", "always", net).stdout
