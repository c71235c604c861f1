"""protolint format, as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.cli import exit_code_of


def test_format_writes_in_place_and_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / "a.prototxt"
    net.write_text('name:"a"\n')
    assert exit_code_of(["format", "--check", str(net)]) == 1
    assert exit_code_of(["format", "--diff", str(net)]) == 0
    assert '+name: "a"' in capsys.readouterr().out
    assert net.read_text() == 'name:"a"\n'
    assert exit_code_of(["format", "--in-place", str(net)]) == 0
    assert net.read_text() == 'name: "a"\n'
    assert exit_code_of(["format", "--check", str(net)]) == 0


def test_a_broken_file_is_named_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / "a.prototxt"
    net.write_text("layer {\n")
    assert exit_code_of(["format", "--in-place", str(net)]) == 0
    assert net.read_text() == "layer {\n"
    assert "its syntax is broken" in capsys.readouterr().err
