"""SARIF: valid, and true to the findings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from protolint.caffe.registry import DIALECTS
from protolint.diagnostic import Diagnostic, Label, Severity
from protolint.edit import Applicability, Edit, Fix, apply_edits
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.lint.registry import all_rules
from protolint.report.fingerprint import line_hashes
from protolint.report.sarif import descriptor, render
from protolint.source import Source, Span
from protolint.workspace.workspace import Choices, Workspace

#: RFC 3986: what a URI reference may hold.
URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-F]{2})+")


@pytest.fixture(scope="module")
def validator(schemas: Path) -> Draft4Validator:
    schema = json.loads((schemas / "sarif-2.1.0-rtm.5.json").read_text("utf-8"))
    Draft4Validator.check_schema(schema)
    return Draft4Validator(schema)


def run_of(reports: list[FileReport]) -> dict[str, Any]:
    document = json.loads(render(reports))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return dict(run)


def report_of(source: Source, *diagnostics: Diagnostic) -> FileReport:
    (report,) = check_source(Workspace(Choices(targets=(DIALECTS["bvlc"],))), source)
    return report._replace(diagnostics=diagnostics)


def diagnostic(source: Source, start: int, end: int, **more: Any) -> Diagnostic:
    known: dict[str, Any] = {
        "code": "NT001",
        "name": "unknown-bottom",
        "severity": Severity.ERROR,
        "message": "wrong",
        "path": source.path,
        "span": Span(start, end),
        "target": "bvlc",
    }
    return Diagnostic(**{**known, **more})


def marked(data: bytes, region: dict[str, int]) -> str:
    """The text that a region names: lines end in LF, columns count code points from 1."""
    lines = data.decode("utf-8").removeprefix("\ufeff").split("\n")
    first, last = region["startLine"] - 1, region["endLine"] - 1
    text = "\n".join(lines[first : last + 1])
    return text[region["startColumn"] - 1 : len(text) - len(lines[last]) + region["endColumn"] - 1]


def test_it_is_valid(validator: Draft4Validator, mixed: list[FileReport]) -> None:
    for reports in ([], mixed):
        validator.validate(json.loads(render(reports)))


def test_it_is_valid_for_every_fixture(validator: Draft4Validator, fixtures: Path) -> None:
    reports = [
        report
        for path in sorted(fixtures.rglob("*.prototxt"))
        for report in check_source(Workspace(), Source(str(path), path.read_bytes()))
    ]
    assert sum(len(report.diagnostics) for report in reports) > 50
    document = json.loads(render(reports))
    validator.validate(document)
    results = document["runs"][0]["results"]
    assert len(results) == sum(len(report.diagnostics) for report in reports)
    prints = [result["partialFingerprints"]["protolintFinding/v1"] for result in results]
    assert len(set(prints)) == len(prints)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(name=st.binary(max_size=20), path=st.text(min_size=1, max_size=20))
def test_it_is_valid_whatever_the_names_are(
    validator: Draft4Validator, name: bytes, path: str
) -> None:
    path = path.replace("\0", "x")
    source = Source(path, b'layer { name: "' + name + b'" type: "Nope" }')
    validator.validate(json.loads(render(check_source(Workspace(), source))))


def test_every_rule_is_described_as_code_scanning_needs_it() -> None:
    for rule in map(descriptor, all_rules()):
        for key in ("shortDescription", "fullDescription"):
            assert 0 < len(rule[key]["text"]) <= 1024
        assert rule["fullDescription"] != rule["shortDescription"]
        assert rule["help"]["text"].startswith(f"{rule['id']} {rule['name']}")
        assert rule["help"]["markdown"].startswith(f"# {rule['id']} {rule['name']}")
        assert rule["helpUri"].endswith(f"/docs/rules/{rule['id']}.md")
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert len(rule["properties"]["tags"]) <= 20


def test_results_name_their_rule_and_level(mixed: list[FileReport]) -> None:
    run = run_of(mixed)
    levels = {"BN022": "note", "BN021": "warning", "NT001": "error"}
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == levels.get(result["ruleId"], "error")


def test_regions_are_the_spans(mixed: list[FileReport]) -> None:
    results = run_of(mixed)["results"]
    found = [(r.source, d) for r in mixed for d in r.diagnostics]
    for result, (source, finding) in zip(results, found, strict=True):
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert marked(source.data, region) == source.decode(*finding.span)
        assert location["logicalLocations"][0]["name"] == finding.layer


def test_columns_do_not_count_a_byte_order_mark() -> None:
    source = Source("x", b"\xef\xbb\xbfnaam: 1\nnaam: 2")
    report = report_of(source, diagnostic(source, 3, 7), diagnostic(source, 11, 15))
    for result in run_of([report])["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert marked(source.data, region) == "naam"


def test_other_places_are_linked_in_the_message() -> None:
    source, other = Source("net.prototxt", b"a\nb c"), Source("o/ther.prototxt", b"d\n e")
    labels = (Label(Span(0, 1), "not [this]\\"), Label(Span(3, 4), "that", other))
    (result,) = run_of([report_of(source, diagnostic(source, 2, 3, related=labels))])["results"]
    assert result["message"]["text"] == "wrong [bvlc]. See: [not \\[this\\]\\\\](1), [that](2)."
    first, second = result["relatedLocations"]
    assert (first["id"], first["message"]["text"]) == (1, "not [this]\\")
    assert (second["id"], second["message"]["text"]) == (2, "that")
    assert second["physicalLocation"]["artifactLocation"]["uri"] == "o/ther.prototxt"
    assert second["physicalLocation"]["region"]["startLine"] == 2


def test_fixes_make_the_same_text_as_protolint(mixed: list[FileReport]) -> None:
    results = run_of(mixed)["results"]
    found = [(r.source, d) for r in mixed for d in r.diagnostics]
    applied = 0
    for result, (source, finding) in zip(results, found, strict=True):
        if finding.fix is None:
            assert "fixes" not in result
            continue
        ((change,),) = [fix["artifactChanges"] for fix in result["fixes"]]
        assert change["artifactLocation"]["uri"] == "nets/r%C3%A9seau%201.prototxt"
        lines = source.data.decode("utf-8").split("\n")
        starts = [sum(len(line) + 1 for line in lines[:i]) for i in range(len(lines))]
        text = "\n".join(lines)
        for replacement in reversed(change["replacements"]):
            region = replacement["deletedRegion"]
            start = starts[region["startLine"] - 1] + region["startColumn"] - 1
            end = starts[region["endLine"] - 1] + region["endColumn"] - 1
            text = text[:start] + replacement["insertedContent"]["text"] + text[end:]
        assert text.encode() == apply_edits(source.data, finding.fix.edits)
        applied += 1
    assert applied >= 3


def test_a_fix_says_how_far_it_may_be_trusted() -> None:
    source = Source("x", b"abc")
    fixes = [Fix("Do it", (Edit(0, 1, ""),), applicability) for applicability in Applicability]
    report = report_of(source, *(diagnostic(source, 0, 1, fix=fix) for fix in fixes))
    safe, unsafe, shown = run_of([report])["results"]
    assert safe["fixes"][0]["description"]["text"] == "Do it"
    assert unsafe["fixes"][0]["description"]["text"] == "Do it (unsafe)"
    assert unsafe["fixes"][0]["properties"]["applicability"] == "unsafe"
    assert "fixes" not in shown


@pytest.mark.parametrize(
    "name", ["a b.prototxt", "d\u00e9/\u5c64.prototxt", "50%#?.prototxt", "a:b"]
)
def test_files_are_relative_uris(checkout: Path, name: str) -> None:
    for given_as in (name, f"./{name}", str(checkout / name)):
        run = run_of([report_of(Source(given_as, b"x"))])
        (artifact,) = run["artifacts"]
        assert artifact["roles"] == ["analysisTarget"]
        location = artifact["location"]
        assert URI.fullmatch(location["uri"])
        assert unquote(location["uri"]) == name
        assert ":" not in location["uri"].partition("/")[0]
        assert location["uriBaseId"] in run["originalUriBaseIds"]


def test_a_name_that_is_no_text_keeps_its_bytes() -> None:
    (artifact,) = run_of([report_of(Source("caf\udce9.prototxt", b"x"))])["artifacts"]
    assert artifact["location"]["uri"] == "caf%E9.prototxt"


def test_a_file_outside_the_checkout_is_an_absolute_uri(checkout: Path) -> None:
    (artifact,) = run_of([report_of(Source("../out side.prototxt", b"x"))])["artifacts"]
    assert artifact["location"] == {
        "uri": (checkout.parent / "out side.prototxt").as_uri(),
        "index": 0,
    }


def test_a_file_is_listed_once_however_it_is_named(mixed: list[FileReport]) -> None:
    again = [report_of(Source("./nets/../nets/empty.prototxt", b""))]
    uris = [artifact["location"]["uri"] for artifact in run_of([*mixed, *again])["artifacts"]]
    assert uris == ["nets/r%C3%A9seau%201.prototxt", "nets/empty.prototxt"]


#: From the tests of github/codeql-action, src/fingerprints.test.ts.
KNOWN = [
    ("", ["c129715d7a2bc9a3:1"]),
    (
        " a\nb\n  \t\tc\n d",
        ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"],
    ),
    (
        " hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n",
        [
            "e9496ae3ebfced30:1",
            "fb7c023a8b9ccb3f:1",
            "ce8ba1a563dcdaca:1",
            "e20e36e16fcb0cc8:1",
            "b3edc88f2938467e:1",
            "c8e28b0b4002a3a0:1",
            "c129715d7a2bc9a3:1",
        ],
    ),
    (
        "Lorem ipsum dolor sit amet.\n" * 10,
        [
            *(f"a7f2ff13bc495cf2:{n}" for n in range(1, 7)),
            "a7f2ff1481e87703:1",
            "a9cf91f7bbf1862b:1",
            "55ec222b86bcae53:1",
            "cc97dc7b1d7d8f7b:1",
            "c129715d7a2bc9a3:1",
        ],
    ),
]


@pytest.mark.parametrize(("text", "hashes"), KNOWN)
def test_lines_have_the_hashes_github_gives_them(text: str, hashes: list[str]) -> None:
    assert line_hashes(Source("x", text.encode())) == hashes


def test_the_line_of_a_finding_is_the_one_that_is_hashed() -> None:
    text, hashes = KNOWN[1]
    source = Source("x", text.encode())
    report = report_of(source, diagnostic(source, 3, 4))
    (result,) = run_of([report])["results"]
    assert result["partialFingerprints"]["primaryLocationLineHash"] == hashes[1]


def test_only_the_rules_that_found_something_are_listed(mixed: list[FileReport]) -> None:
    assert run_of([])["tool"]["driver"] == {**run_of([])["tool"]["driver"], "rules": []}
    run = run_of(mixed)
    listed = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] == "protolint-caffe"
    assert listed == sorted({result["ruleId"] for result in run["results"]}, key=listed.index)
