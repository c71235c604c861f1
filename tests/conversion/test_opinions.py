"""What other programs are asked for: what feeds a layer that sorts, not its rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import protolint
from protolint.cli.verbs import cli
from protolint.conversion.prove.opinions import case_of

HEAD = 'input: "data"\ninput_shape { dim: 1 dim: 4 dim: 2 dim: 2 }\n'
RELU = 'layer { name: "%s" type: "ReLU" bottom: "%s" top: "%s" }\n'
DETECTION = (
    'layer { name: "out" type: "DetectionOutput" bottom: "loc" bottom: "conf" bottom: "prior"'
    ' top: "out" detection_output_param { num_classes: 2 } }\n'
)


def test_what_feeds_a_layer_that_sorts_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "n.prototxt"
    text = HEAD + RELU % ("loc", "data", "loc") + RELU % ("c", "data", "conf")
    text += RELU % ("inside", "conf", "conf") + RELU % ("p", "data", "prior")
    path.write_text(text + DETECTION + RELU % ("more", "data", "more"))
    case = case_of(protolint.load(path, target="ssd", isolated=True), b"", "")
    wanted = {"loc": "loc", "conf": "inside", "prior": "p", "more": "more"}
    assert dict(case.blobs) == wanted


def test_all_outputs_are_compared_where_nothing_sorts(tmp_path: Path) -> None:
    path = tmp_path / "n.prototxt"
    path.write_text(HEAD + RELU % ("a", "data", "a"))
    assert case_of(protolint.load(path, target="ssd", isolated=True), b"", "").blobs == ()


def test_json_has_the_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("n.prototxt").write_text(HEAD + 'layer { name: "n" type: "Normalize" bottom: "data" }\n')
    command = ["convert", "--to", "bvlc", "--from", "ssd", "--report", "json", "n.prototxt"]
    done = CliRunner().invoke(cli, command)
    found = json.loads(done.stdout)
    assert found["error"]["path"] == "n.prototxt"
    assert "Normalize" in found["error"]["message"]
    assert (found["error"]["exit_code"], found["files"]) == (2, [])
