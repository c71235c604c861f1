"""What fixes change is made when somebody looks, and not at all where no report shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.cli import exit_code_of
from protolint.edit import Edit, LaterEdits
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.report import FORMATS, SHOW_EDITS, renderer
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

#: A safe fix of one rule, unsafe ones of others, two that are shown as one.
NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" }
layer {
  name: "b" type: "BatchNorm" bottom: "c" top: "b"
  batch_norm_param { use_global_stats: false }
}
layer { name: "r" type: "ReLU" bottom: "b" top: "r" }
layer { name: "s" type: "Sigmiod" bottom: "r" top: "s" }
layer { name: "t" type: "Sigmiod" bottom: "s" top: "t" }
"""


def reports(*targets: str, edits: bool) -> list[FileReport]:
    dialects = tuple(DIALECTS[name] for name in targets)
    workspace = Workspace(Choices(targets=dialects, isolated=True, edits=edits))
    return check_source(workspace, Source("net.prototxt", NET.encode()))


def edits_of(found: list[FileReport]) -> list[int]:
    fixes = (d.fix for report in found for d in report.diagnostics)
    return [len(fix.edits) for fix in fixes if fix is not None]


def test_edits_are_made_once_and_only_for_who_looks() -> None:
    made = []

    def make(*edits: Edit) -> list[Edit]:
        made.append(edits)
        return list(edits)

    first, second = Edit(0, 1, "a"), Edit(2, 3, "b")
    later = LaterEdits(make, first, second)
    assert not made
    assert list(later) == [first, second]
    assert (later[1], later[:1], len(later)) == (second, (first,), 2)
    assert later == (first, second) == later == LaterEdits(make, first, second) != (first,)
    assert {later} == {(first, second)}
    assert len(made) == 2


def test_a_report_has_the_edits_of_its_fixes_as_plain_tuples() -> None:
    found = reports("bvlc", edits=True)
    assert len(edits_of(found)) >= 4
    assert all(edits_of(found))
    fixes = (d.fix for report in found for d in report.diagnostics)
    assert all(type(fix.edits) is tuple for fix in fixes if fix is not None)


@pytest.mark.parametrize("name", sorted(set(FORMATS) - SHOW_EDITS))
@pytest.mark.parametrize("targets", [("bvlc",), (), ("bvlc", "nvidia-0.17")], ids=len)
def test_a_format_that_shows_no_edits_is_the_same_without(
    name: str, targets: tuple[str, ...]
) -> None:
    whole, bare = reports(*targets, edits=True), reports(*targets, edits=False)
    # What is shown as one for several targets has one fix.
    assert any(edits_of(bare)) is (len(targets) > 1)
    assert renderer(name)(bare, False) == renderer(name)(whole, False)


@pytest.mark.parametrize("name", sorted(SHOW_EDITS))
def test_a_format_that_shows_edits_has_them_whatever_else_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(NET)
    options = ["check", "--isolated", "--target", "bvlc", "--exit-zero", "net.prototxt"]
    assert exit_code_of([*options, "--quiet", "--output", f"{name}=out.json"]) == 0
    whole = json.loads(renderer(name)(reports("bvlc", edits=True), False))
    assert json.loads(Path("out.json").read_text()) == whole
