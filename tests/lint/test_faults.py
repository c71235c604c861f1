"""What keeps a net from being built is one finding, at the place of the fault."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Severity
from protolint.layers.setup_check import Kind
from protolint.lint.check_text import check_readings
from protolint.net.init import faults_of
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

ORACLE = Path(__file__).resolve().parent.parent.parent / "fixtures" / "oracle"
SETS = [
    path
    for path in sorted(ORACLE.glob("*.jsonl.gz"))
    if path.name.partition("-")[0] in ("human", "random", "mixed")
]
#: The codes of what stops a build; NT012 also reports what only computes something else.
CODES = {f"NT{number:03}" for number in (1, 2, 3, 11, 13, *range(14, 30))}
CODES |= {"PT005", "BN005", "BN008", "BN018", "BN031"}
COUNT = 25


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.name.partition(".")[0])
def test_each_fault_is_one_finding(path: Path) -> None:
    dialect = DIALECTS[path.name.removesuffix(".jsonl.gz").partition("-")[2]]
    workspace = Workspace(Choices(targets=(dialect,), isolated=True, without_cudnn=True))
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in islice(lines, COUNT)]
    for record in records:
        readings = workspace.readings(Source("net.prototxt", record["net"].encode()))
        file = readings.read(dialect)
        if not file.accepted or not file.nets:
            continue
        faults = [fault for fault, _ in faults_of(file.nets[0], *Kind) if fault.layer is not None]
        (report,) = check_readings(workspace, readings)
        found = [d for d in report.diagnostics if d.severity is Severity.ERROR]
        wanted = Counter(fault.layer.name for fault in faults if fault.layer is not None)
        given = Counter(d.layer or "" for d in found if d.code in CODES and d.layer)
        assert given - wanted == Counter(), record["name"]
        spans = {d.span for d in found}
        for fault in faults:
            assert fault.span in spans, (record["name"], fault.message)


def test_an_engine_that_the_build_does_not_have_is_a_finding() -> None:
    text = (
        'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 3, 8, 8] } } }\n'
        'layer { name: "c" type: "Convolution" bottom: "x" top: "c"\n'
        "  convolution_param { num_output: 4 kernel_size: 3 engine: CUDNN } }\n"
    )
    for without, codes in ((True, ["NT017"]), (False, [])):
        workspace = Workspace(
            Choices(targets=(DIALECTS["bvlc"],), isolated=True, without_cudnn=without)
        )
        readings = workspace.readings(Source("net.prototxt", text.encode()))
        (report,) = check_readings(workspace, readings)
        found = [d for d in report.diagnostics if d.severity is Severity.ERROR]
        assert [d.code for d in found] == codes
        assert report.builds == dict.fromkeys(("TRAIN", "TEST"), not without)


def test_near_names_are_looked_for_where_a_bottom_may_be_a_slip_of_the_pen() -> None:
    """In a net whose every bottom is unknown it would take the square of its size."""
    text = 'layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 1 } } }\n'
    text += "".join(
        f'layer {{ name: "r{i}" type: "ReLU" bottom: "date" top: "{i}" }}\n' for i in range(60)
    )
    workspace = Workspace(Choices(targets=(DIALECTS["bvlc"],), isolated=True))
    (report,) = check_readings(workspace, workspace.readings(Source("n", text.encode())))
    messages = [d.message for d in report.diagnostics if d.code == "NT001"]
    assert len(messages) == 60
    assert sum("did you mean 'data'" in message for message in messages) == 50
