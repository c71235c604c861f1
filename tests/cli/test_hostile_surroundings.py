"""Settings, folders and processes that nobody meant: one message, soon, and nobody left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .command import run, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no pipes and signals of POSIX")

NET = 'layer { name: "a" type: "ReLU" bottom: "x" top: "x" }\n'
COMMAND = (sys.executable, "-m", "protolint")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (f"a = {'[' * 50_000}{']' * 50_000}", "lie in each other too deep"),
        (f"a = {'9' * 10_000}", "not valid TOML"),
        (f"select = [{'1,' * 600_000}]", "over 1 MiB"),
        ('baseline = "/dev/zero"', "not a regular file"),
        ('baseline = "pipe"', "not a regular file"),
        ('baseline = "deep.json"', "not a baseline of protolint"),
        ('baseline = "infinite.json"', "not a baseline of protolint"),
        ('proto = "pipe"', "no such file"),
    ],
    ids=["deep", "long number", "large", "device", "pipe", "deep JSON", "infinite", "schema"],
)
def test_settings_are_one_message(settings: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", NET)
    write(tmp_path, "protolint.toml", settings)
    write(tmp_path, "deep.json", "[" * 100_000)
    entry = '{"path": "a", "code": "b", "target": "c", "layer": "d", "count": 1e400}'
    write(tmp_path, "infinite.json", f'{{"version": 1, "findings": [{entry}]}}')
    os.mkfifo(tmp_path / "pipe")
    done = run("check", "a.prototxt", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_pipe_in_a_folder_is_no_net(tmp_path: Path) -> None:
    write(tmp_path, "a.prototxt", NET)
    os.mkfifo(tmp_path / "b.prototxt")
    done = run("check", "--show-files", ".", cwd=tmp_path)
    assert done.stdout.split() == ["a.prototxt"]


def test_standard_input_that_is_closed(tmp_path: Path) -> None:
    command = f"{sys.executable} -m protolint check - <&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "protolint: <stdin>: standard input is closed\n"


def test_a_folder_that_is_there_no_more(tmp_path: Path) -> None:
    command = (
        f"cd gone && rm -r ../gone && {sys.executable} -m protolint convert --to bvlc a.prototxt"
    )
    write(tmp_path, "gone/a.prototxt", NET)
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "standard output" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(number: signal.Signals, tmp_path: Path) -> None:
    """They hold the pipes of whoever reads: a `subprocess.run` with a timeout never ended."""
    for name in range(2):
        write(tmp_path, f"{name}.prototxt", NET)
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        [*COMMAND, "check", "--isolated", "--jobs", "2", "pipe", "0.prototxt", "1.prototxt"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    held = opened_by_its_reader(tmp_path / "pipe", process)
    process.send_signal(number)
    process.communicate(timeout=60)
    os.close(held)


def opened_by_its_reader(pipe: Path, process: subprocess.Popen[bytes]) -> int:
    """Open a pipe for writing once a worker of a process waits for what it says."""
    while process.poll() is None:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it so far
            time.sleep(0.01)
    raise AssertionError(process.communicate())


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ("dim: [1000, 1000, 1000]", "protolint: there is not enough memory: "),
        ("dim: 1", "net.prototxt: layer 't' (Tile): needs more memory than there is: "),
    ],
    ids=["an input", "a layer"],
)
def test_memory_that_is_not_there_is_one_message(sizes: str, message: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        "net.prototxt",
        f'input: "x" input_shape {{ {sizes} }}\n'
        'layer { name: "t" type: "Tile" bottom: "x" top: "y" '
        "tile_param { axis: 0 tiles: 2147483647 } }\n",
    )
    command = f"ulimit -v 3000000; {sys.executable} -m protolint run --isolated net.prototxt"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert message in line
