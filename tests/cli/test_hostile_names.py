"""No output is a channel for what stands in an input: every verb, every format, every message."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protolint.cli.verbs import _COMMANDS
from protolint.report import FORMATS
from protolint.shown import json_text, shown, without_commands
from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited

from .command import run, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such file names")

#: What a terminal or a CI runner would obey, but for the slash, which ends a file's name.
EVIL = "::error::a\x1b[31m\n::error::b\r##[error]c\u202ed\x7f\x9b2J\u2028##vso[x]##teamcity[y]"
SPELLED = "".join(f"\\{byte:03o}" for byte in EVIL.encode())
#: All of it, and every other letter that moves what stands beside it.
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
COMMAND = re.compile(r"^\s*::(?!: )|##\w*\[", re.MULTILINE)

NET = f"""name: "{SPELLED}"
layer {{ name: "data" type: "Input" top: "{SPELLED}"
  input_param {{ shape {{ dim: [1, 4, 2, 2] }} }} }}
layer {{ name: "{SPELLED}" type: "BatchNorm" bottom: "{SPELLED}" top: "bn"
  batch_norm_param {{ use_global_stats: false eps: 1e-9 }} # \u202e##[error]x
  param {{ name: "{SPELLED}" lr_mult: 1 }} param {{ lr_mult: 1 }} param {{ lr_mult: 1 }} }}
layer {{ name: "{SPELLED}" type: "{SPELLED}" bottom: "no {SPELLED}" top: "{SPELLED}" }}
layer {{ name: "s" type: "Scale" bottom: "bn" top: "{SPELLED} 2"
  scale_param {{ bias_term: true }} }}
"""
GOOD = "".join(line for line in NET.splitlines(keepends=True) if "no " not in line)
OLD = f"""input: "data" input_dim: [1, 4, 2, 2]
layers {{ name: "{SPELLED}" type: RELU bottom: "data" top: "{SPELLED}" # \u202e
  blobs_lr: 1 }}
"""
BROKEN = f'layer {{ name: "x" }}\n{EVIL}\n'


def model(factor: float) -> bytes:
    """A BatchNorm and its Scale, both with evil names, as BVLC stores them."""
    values = np.arange(1, 5, dtype=np.float32)
    data = b""
    layers: list[tuple[str, str, list[object]]] = [
        (EVIL, "BatchNorm", [values, values, [factor]]),
        (f"s{EVIL}", "Scale", [values, values]),
    ]
    for name, kind, blobs in layers:
        data += length_delimited(
            100,
            length_delimited(1, name.encode())
            + length_delimited(2, kind.encode())
            + length_delimited(3, (EVIL if kind == "BatchNorm" else "bn").encode())
            + length_delimited(4, b"bn")
            + b"".join(
                length_delimited(7, encode_blob(np.asarray(blob, np.float32))) for blob in blobs
            ),
        )
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, f"{EVIL}.prototxt", NET)
    write(tmp_path, f"good{EVIL}.prototxt", GOOD)
    write(tmp_path, f"broken{EVIL}.prototxt", BROKEN)
    write(tmp_path, f"binary{EVIL}.prototxt", b"\x00\x01\x02\xff" * 9)
    write(tmp_path, f"{EVIL}.caffemodel", model(1.0))
    write(tmp_path, f"zero{EVIL}.caffemodel", model(0.0))
    write(tmp_path, f"{EVIL}.solverstate", b"\x08\x05" + length_delimited(2, EVIL.encode()))
    write(tmp_path, "solver.prototxt", f'net: "{SPELLED}"\nsnapshot_prefix: "{SPELLED}"\n')
    write(tmp_path, "in/protolint.toml", f"{json.dumps(EVIL)} = 1\n")
    write(tmp_path, "in/a.prototxt", GOOD)
    write(tmp_path, "target/protolint.toml", f"target = {json.dumps(EVIL)}\n")
    write(tmp_path, "target/a.prototxt", GOOD)
    write(tmp_path, "as/protolint.toml", f'target = "bvlc"\nexclude = [{json.dumps(EVIL)}]\n')
    write(tmp_path, "as/a.prototxt", GOOD)
    write(tmp_path, f"v1{EVIL}.prototxt", OLD)
    np.save(tmp_path / "x.npy", np.ones((8, 4, 2, 2), np.float32))
    inputs: Any = {EVIL: np.ones((8, 4, 2, 2), np.float32)}
    np.savez(tmp_path / f"{EVIL}.npz", **inputs)
    write(tmp_path, "fork.proto", f'syntax = "proto2";\nimport "{SPELLED}";\n')
    stale = {"path": EVIL, "code": EVIL, "target": EVIL, "layer": EVIL, "count": 1}
    write(tmp_path, "stale.json", json.dumps({"version": 1, "findings": [stale]}))
    return tmp_path


Case = tuple[str, ...]
NETFILE, GOODFILE, MODEL = f"{EVIL}.prototxt", f"good{EVIL}.prototxt", f"{EVIL}.caffemodel"
ZERO, STATE = f"zero{EVIL}.caffemodel", f"{EVIL}.solverstate"
SEVERAL = (NETFILE, f"broken{EVIL}.prototxt", f"binary{EVIL}.prototxt", MODEL, ZERO, "gone" + EVIL)
#: For each verb what it is run with; a format is one of its own.
CASES: dict[str, list[Case]] = {
    "check": [
        *(("--output-format", form, *SEVERAL) for form in FORMATS if form != "github"),
        ("--color", "never", "."),
        ("--statistics", "."),
        ("--diff", "--unsafe-fixes", "--target", "bvlc", "."),
        ("--show-files", "."),
        ("--explain-target", "."),
        ("--show-settings", "as"),
        ("--target", EVIL, NETFILE),
        ("--select", EVIL, NETFILE),
        ("--output", f"{EVIL}={EVIL}", NETFILE),
        ("--output", f"json={EVIL}/x", NETFILE),
        ("--threshold", f"{EVIL}=1", NETFILE),
        (f"--{EVIL}", NETFILE),
        ("--proto", "fork.proto", NETFILE),
        ("--proto", f"{EVIL}.proto", NETFILE),
        ("--baseline", "stale.json", GOODFILE),
        ("--baseline", EVIL, GOODFILE),
        ("--write-baseline", "--baseline", f"new{EVIL}.json", NETFILE),
        ("--weights", ZERO, GOODFILE),
        ("--fix", "--unsafe-fixes", "--target", "bvlc", "."),
        ("--add-suppressions", "old", "."),
        ("in",),
        ("target",),
        ("solver.prototxt",),
    ],
    "convert": [
        ("--to", "nvidia-0.17", "--from", "bvlc", GOODFILE, MODEL),
        ("--to", "nvidia-0.17", "--from", "bvlc", "--report", "json", "--force", GOODFILE, MODEL),
        ("--to", "nvidia-0.17", NETFILE),
        ("--to", "nvidia-0.17", ZERO),
        ("--to", "nvidia-0.17", STATE),
        ("--to", "nvidia-0.17", "--from", "bvlc", STATE, MODEL),
        ("--to", "nvidia-0.17", "solver.prototxt"),
        ("--to", "nvidia-0.14", "--from", "bvlc", "--dry-run", GOODFILE, MODEL),
        ("--to", "nvidia-0.17", "--like", NETFILE, MODEL),
        ("--to", "nvidia-0.17", "-o", f"{EVIL}/{EVIL}", MODEL),
        ("--to", EVIL, MODEL),
        ("--to", "nvidia-0.17", "gone" + EVIL),
        ("--to", "nvidia-0.17", f"broken{EVIL}.prototxt"),
    ],
    "deploy": [
        (GOODFILE, MODEL, "-o", f"made{EVIL}/"),
        (GOODFILE, MODEL, "-o", f"made{EVIL}/"),
        (NETFILE, "-o", "other/"),
        (GOODFILE, "--state", EVIL, "-o", "other/"),
        (GOODFILE, "--input-shape", f"{EVIL}=1", "-o", "other/"),
        ("gone" + EVIL, "-o", "other/"),
    ],
    "upgrade": [
        ("--check", "--in-place", "."),
        ("--diff", f"v1{EVIL}.prototxt"),
        (f"v1{EVIL}.prototxt", MODEL, STATE, "-o", f"up{EVIL}/"),
        ("solver.prototxt", "-o", f"{EVIL}/{EVIL}"),
        (f"broken{EVIL}.prototxt",),
        ("gone" + EVIL,),
    ],
    "format": [
        ("--check", NETFILE, GOODFILE),
        ("--diff", NETFILE, GOODFILE),
        (NETFILE, "-o", f"laid{EVIL}/"),
        ("--check", f"broken{EVIL}.prototxt", f"binary{EVIL}.prototxt", "gone" + EVIL),
    ],
    "compare": [
        (GOODFILE, NETFILE),
        ("--format", "json", GOODFILE, NETFILE),
        (GOODFILE, MODEL, ZERO),
        ("--target", "bvlc", "--all", GOODFILE, MODEL, MODEL),
        (GOODFILE, "gone" + EVIL),
        (MODEL, ZERO),
    ],
    "recalibrate": [
        (GOODFILE, MODEL, "--data", "x.npy", "-o", f"re{EVIL}.caffemodel"),
        (GOODFILE, MODEL, "--data", f"gone{EVIL}.npy", "-o", "re.caffemodel"),
        (GOODFILE, MODEL, "--data", f"{EVIL}.npz", "-o", "re.caffemodel"),
        (GOODFILE, MODEL, "--data", "x.npy", "--layer", EVIL, "-o", "re.caffemodel"),
        (NETFILE, MODEL, "--data", "x.npy", "-o", "re.caffemodel"),
    ],
    "stats": [
        *(("--from", "bvlc", "--format", form, MODEL, ZERO) for form in ("table", "csv", "json")),
        ("--from", "bvlc", "--each", MODEL),
        ("--from", "bvlc", "--html", f"{EVIL}.html", MODEL),
        ("--layer", EVIL, MODEL),
        (NETFILE,),
        ("gone" + EVIL,),
    ],
    "run": [
        (GOODFILE,),
        (GOODFILE, MODEL),
        ("--blob", EVIL, GOODFILE),
        ("--blob", f"{EVIL}x", GOODFILE),
        (NETFILE,),
        ("gone" + EVIL,),
    ],
    "show": [
        *(("--format", form, path) for form in ("table", "json") for path in (NETFILE, GOODFILE)),
        ("--state", EVIL, GOODFILE),
        ("--input-shape", f"{EVIL}=1", GOODFILE),
        ("--input-shape", EVIL, GOODFILE),
        ("solver.prototxt",),
        (MODEL,),
        ("gone" + EVIL,),
    ],
    "rule": [(EVIL,), ("BN003",), ("--all",), ("--all", "--output-format", "json")],
    "server": [(EVIL,), ("--help",)],
}  # fmt: skip


def test_every_verb_is_tried() -> None:
    assert set(CASES) == set(_COMMANDS)


@pytest.mark.parametrize("verb", CASES)
def test_no_verb_lets_an_input_speak(verb: str, folder: Path) -> None:
    spelled = 0
    for arguments in CASES[verb]:
        done = run(verb, *arguments, cwd=folder)
        spelled += r"\x1b" in done.stdout + done.stderr
        for text in (done.stdout, done.stderr):
            assert not OBEYED.search(text), (arguments, OBEYED.findall(text), text)
            assert not COMMAND.search(text), (arguments, text)
        assert "Traceback" not in done.stderr
    # It is there, and spelled out: nobody has dropped it.
    assert spelled > 0


def test_only_findings_are_commands_to_github(folder: Path) -> None:
    done = run("check", "--output-format", "github", *SEVERAL, cwd=folder)
    assert not OBEYED.search(done.stdout + done.stderr)
    for line in done.stdout.splitlines():
        assert line.lstrip().startswith("::") == bool(
            re.match(r"::(error|warning|notice) file=", line)
        )
    assert "##[" not in done.stdout
    assert not COMMAND.search(done.stderr)


def test_a_word_that_is_no_verb(folder: Path) -> None:
    done = run(EVIL, cwd=folder)
    assert done.returncode == 2
    assert not OBEYED.search(done.stderr)
    assert not COMMAND.search(done.stderr)


def test_what_is_seen_stays_as_it_is() -> None:
    for text in ("conv1/3x3", "déjà vu", "層 1", "a::b", "## heading", "C:\\net"):
        assert shown(text) == text == without_commands(text)
    assert shown("\ta\x1b[1m\u202e\udce9\n") == r"    a\x1b[1m\u202e\xe9\n"
    assert (
        without_commands("a\n  ::error::b\n\x1b[1mc\x1b[0m")
        == "a\n  \\x3a:error::b\n\x1b[1mc\x1b[0m"
    )


@pytest.mark.parametrize(
    "spell", [lambda value: json_text(value), lambda value: json_text(value, ascii=True)]
)
def test_json_means_what_it_meant(spell: Callable[[object], str]) -> None:
    document = {EVIL: [EVIL, "層", "\U000e0001", 1.5, None]}
    text = spell(document)
    assert json.loads(text) == document
    assert not OBEYED.search(text)
    assert not COMMAND.search(text)
