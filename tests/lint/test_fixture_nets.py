"""The shipped nets give exactly the findings a maintainer would want, for each Caffe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_text import check_source
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

#: The rules the table in fixtures/nets/expected.json was drawn up for, by hand.
COVERED = {
    "PT001", "PT002", "PT003", "PT004", "PT005", "PT006", "PT007", "BN001", "BN003", "BN005",
    "BN008", "NT001",
}  # fmt: skip
NETS = Path(__file__).resolve().parents[2] / "fixtures" / "nets"
EXPECTED = json.loads((NETS / "expected.json").read_text("utf-8"))
CASES = [
    pytest.param(file, target, id=f"{file}-{target}")
    for file, by_target in EXPECTED.items()
    for target in by_target
]


@pytest.mark.parametrize(("file", "target"), CASES)
def test_findings(file: str, target: str) -> None:
    source = Source(file, (NETS / file).read_bytes())
    (report,) = check_source(Workspace(Choices(targets=(DIALECTS[target],))), source)
    found = sorted(
        [source.line_number(place.start), d.code]
        for d in report.diagnostics
        if d.code in COVERED
        for place in (d.span, *(repeat.span for repeat in d.repeats))
    )
    assert found == sorted([line, code] for code, line in EXPECTED[file][target])


def test_every_net_is_in_the_table() -> None:
    assert EXPECTED.keys() == {path.name for path in NETS.glob("*.prototxt")}
