"""Weights beside a net are read where its Caffe has to be inferred, and not where it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint import shown_by_weights
from protolint.lint.check_files import check_files
from protolint.workspace.reading import Readings
from protolint.workspace.workspace import Choices, Workspace

NET = 'layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }\n'


def test_weights_are_read_only_for_a_target_that_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def note(path: str, _: Readings) -> None:
        read.append(path)

    monkeypatch.setattr(shown_by_weights, "_shown_by", note)
    net, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net.write_text(NET, "utf-8")
    weights.write_bytes(b"")
    named = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))
    check_files(named, [str(net)], lambda _: None)
    assert read == []
    check_files(Workspace(Choices(isolated=True)), [str(net)], lambda _: None)
    assert read == [str(weights)]
