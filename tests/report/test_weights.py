"""Findings in weights, in every format: the layer and its bytes, and no line that is not there."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import xmlschema
from jsonschema import Draft4Validator, Draft202012Validator

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_weights import GivenNet, check_weights
from protolint.lint.file_report import FileReport
from protolint.report import FORMATS, renderer
from protolint.source import Source
from protolint.weights.blobs import encode_blob
from protolint.wire import length_delimited
from protolint.workspace.reading import Readings
from protolint.workspace.target import Target
from protolint.workspace.workspace import Workspace

NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 4, 4] } } }
layer { name: "b\u00f6n" type: "BatchNorm" bottom: "x" top: "y" }
"""
NAME = "mod\u00e8le 1.caffemodel"


def layer(name: str, kind: str, *blobs: list[float]) -> bytes:
    fields = length_delimited(1, name.encode()) + length_delimited(2, kind.encode())
    values = (np.array(blob, np.float32) for blob in blobs)
    return length_delimited(
        100, fields + b"".join(length_delimited(7, encode_blob(v)) for v in values)
    )


#: A layer before, so that the one with findings does not begin at byte 0.
FIRST = layer("conv", "Convolution", [1.0])
SECOND = layer("b\u00f6n", "BatchNorm", [0.5, 0.5], [float("nan"), 1e-20])


@pytest.fixture
def reports(checkout: Path) -> list[FileReport]:
    """An error in a blob, and one in a layer that has a second place, in the net."""
    (checkout / NAME).write_bytes(FIRST + SECOND)
    readings = Readings.of(Source("net.prototxt", NET.encode()))
    net = GivenNet(readings, [Target(DIALECTS["bvlc"], "as asked")])
    found = check_weights(Workspace(), NAME, given=net)
    assert [(d.code, d.layer) for r in found for d in r.diagnostics] == [
        ("WT004", "b\u00f6n"),
        ("WT001", "b\u00f6n"),
    ]
    return found


@pytest.fixture
def bytes_of(reports: list[FileReport]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The ranges of the layer and of the blob, found in the file itself."""
    data = FIRST + SECOND
    blob = length_delimited(7, encode_blob(np.array([np.nan, 1e-20], np.float32)))
    at = data.index(blob)
    return (len(FIRST), len(data)), (at, at + len(blob))


def test_every_format_names_the_file_and_the_layer(reports: list[FileReport]) -> None:
    for name in FORMATS:
        text = renderer(name)(reports, False)
        assert "WT001" in text
        assert "b\u00f6n" in text or "b\\u00f6n" in text or "b&#246;n" in text
        assert f"{NAME}:1" not in text.replace("net.prototxt", "") or name == "github"


def test_text_formats_pretend_no_line(reports: list[FileReport]) -> None:
    concise = renderer("concise")(reports, False).splitlines()
    assert concise[0].startswith(f"{NAME}: error WT004 b\u00f6n: file has 2 blobs, bvlc expects 3;")
    grouped = renderer("grouped")(reports, False).splitlines()
    assert grouped[0] == f"{NAME} [bvlc]"
    assert grouped[1].startswith("  error  WT004  b\u00f6n: file has 2 blobs")
    (suite,) = ET.fromstring(renderer("junit")(reports, False).encode())
    assert suite[0][0].text is not None
    assert suite[0][0].text.startswith(f"{NAME}: b\u00f6n: file has 2 blobs")


def test_the_long_format_shows_the_bytes_and_the_net(
    reports: list[FileReport], bytes_of: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    (start, end), (first, last) = bytes_of
    lines = renderer("full")(reports, False).splitlines()
    assert lines[1:6] == [
        f" --> {NAME}, layer 'b\u00f6n', bytes {start} to {end}",
        " ==> net.prototxt:2:1",
        "  |",
        '2 | layer { name: "b\u00f6n" type: "BatchNorm" bottom: "x" top: "y" }',
        "  | ------- 3 blobs",
    ]
    assert (
        "  = help: protolint convert --to bvlc --like net.prototxt 'mod\u00e8le 1.caffemodel'"
        in lines
    )
    assert f" --> {NAME}, layer 'b\u00f6n', bytes {first} to {last}" in lines


def test_json_has_offsets_and_no_lines(
    reports: list[FileReport], bytes_of: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    document = json.loads(renderer("json")(reports, False))
    assert document["schema_version"] == 1
    assert document["files"][0]["kind"] == "weights"
    for found, (start, end) in zip(document["diagnostics"], bytes_of, strict=True):
        assert [found[key] for key in ("line", "column", "end_line", "end_column")] == [None] * 4
        assert (found["offset"], found["end_offset"]) == (start, end)
    (related,) = document["diagnostics"][0]["related"]
    assert (related["path"], related["line"]) == ("net.prototxt", 2)
    assert "offset" not in related
    assert document["diagnostics"][0]["fix"]["applicability"] == "display-only"
    assert document["diagnostics"][0]["fix"]["edits"] == []


def test_sarif_is_valid_and_has_byte_regions(
    reports: list[FileReport],
    bytes_of: tuple[tuple[int, int], tuple[int, int]],
    schemas: Path,
) -> None:
    document = json.loads(renderer("sarif")(reports, False))
    schema = json.loads((schemas / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    Draft4Validator(schema).validate(document)
    results = document["runs"][0]["results"]
    for result, (start, end) in zip(results, bytes_of, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert place["region"] == {"startLine": 1, "byteOffset": start, "byteLength": end - start}
        assert place["artifactLocation"]["uri"] == "mod%C3%A8le%201.caffemodel"
        assert "fixes" not in result
    assert len({r["partialFingerprints"]["primaryLocationLineHash"] for r in results}) == 2


def test_gitlab_and_junit_are_valid(reports: list[FileReport], schemas: Path) -> None:
    schema = json.loads((schemas / "gitlab-code-quality.schema.json").read_text("utf-8"))
    issues = json.loads(renderer("gitlab")(reports, False))
    Draft202012Validator(schema).validate(issues)
    assert [issue["location"]["lines"]["begin"] for issue in issues] == [1, 1]
    assert len({issue["fingerprint"] for issue in issues}) == 2
    xmlschema.XMLSchema(str(schemas / "junit-10.xsd")).validate(renderer("junit")(reports, False))


def test_github_annotates_the_first_line(reports: list[FileReport]) -> None:
    first = renderer("github")(reports, False).splitlines()[0]
    assert first.startswith(f"::error file={NAME},line=1,endLine=1,col=1,endColumn=1,title=WT004 ")
    assert f"::{NAME}: WT004 b\u00f6n: file has 2 blobs" in first


def test_a_fingerprint_does_not_change_when_bytes_move(
    reports: list[FileReport], checkout: Path
) -> None:
    before = json.loads(renderer("gitlab")(reports, False))[1]["fingerprint"]
    (checkout / NAME).write_bytes(layer("more", "Convolution", [2.0]) + FIRST + SECOND)
    after = json.loads(renderer("gitlab")(check_weights(Workspace(), NAME), False))
    assert before in {issue["fingerprint"] for issue in after}


def test_an_hdf5_file_has_no_places(checkout: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File("model.caffemodel.h5", "w") as file:
        file["data/fc/0"] = np.array([np.inf], np.float32)
    reports = check_weights(Workspace(), "model.caffemodel.h5")
    (found,) = json.loads(renderer("json")(reports, False))["diagnostics"]
    assert (found["offset"], found["end_offset"], found["line"]) == (None, None, None)
    assert " --> model.caffemodel.h5, layer 'fc'\n" in renderer("full")(reports, False)
    (result,) = json.loads(renderer("sarif")(reports, False))["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1}


def test_reports_go_from_process_to_process(reports: list[FileReport]) -> None:
    again = pickle.loads(pickle.dumps(reports))
    assert again[0].diagnostics[1] == reports[0].diagnostics[1]
    assert repr(again[0].source) == repr(reports[0].source)
