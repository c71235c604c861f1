"""JUnit: valid XML whatever the net holds, and no finding is lost."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.report.junit import render
from protolint.source import Source
from protolint.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def schema(schemas: Path) -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(schemas / "junit-10.xsd"))


def read(reports: list[FileReport]) -> ET.Element:
    return ET.fromstring(render(reports).encode("utf-8"))


def test_it_is_valid(schema: xmlschema.XMLSchema, mixed: list[FileReport]) -> None:
    for reports in ([], mixed):
        schema.validate(render(reports))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(name=st.binary(max_size=20), path=st.text(min_size=1, max_size=20))
def test_it_is_valid_whatever_the_names_are(
    schema: xmlschema.XMLSchema, name: bytes, path: str
) -> None:
    path = path.replace("\0", "x")
    reports = check_source(
        Workspace(), Source(path, b'layer { name: "' + name + b'" type: "Nope" }')
    )
    schema.validate(render(reports))


def test_a_suite_for_each_file_and_target(mixed: list[FileReport]) -> None:
    suites = read(mixed).findall("testsuite")
    assert [suite.get("name") for suite in suites] == [
        "nets/r\u00e9seau 1.prototxt [bvlc]",
        "nets/r\u00e9seau 1.prototxt [nvidia-0.15]",
        "nets/empty.prototxt [bvlc]",
    ]
    for suite, report in zip(suites, mixed, strict=True):
        cases = suite.findall("testcase")
        failures = suite.findall("testcase/failure")
        assert suite.get("tests") == str(len(cases))
        assert suite.get("failures") == str(len(failures)) == str(len(report.diagnostics))
        for failure, diagnostic in zip(failures, report.diagnostics, strict=True):
            assert failure.get("message") == diagnostic.message
            assert failure.get("type") == diagnostic.severity.value
            assert diagnostic.message in (failure.text or "")
    assert read(mixed).get("failures") == "8"


def test_a_file_without_findings_is_a_test_that_passed(mixed: list[FileReport]) -> None:
    (case,) = read(mixed[-1:]).findall("testsuite/testcase")
    assert (case.get("name"), len(case)) == ("no findings", 0)


def test_tests_have_names_of_their_own_without_lines() -> None:
    text = 'layer { name: "a" type: "Nope" bottom: "x" bottom: "x" }\n' * 2
    suites = [read(check_source(Workspace(), Source("x", t.encode()))) for t in (text, "\n" + text)]
    names = [[case.get("name") for case in suite.iter("testcase")] for suite in suites]
    assert len(names[0]) == len(set(names[0])) >= 5
    assert names[0] == names[1]
    assert {"NT001 unknown-bottom: a", "NT001 unknown-bottom: a (2)"} <= set(names[0])


def test_what_xml_cannot_spell_is_escaped(reports: list[FileReport]) -> None:
    (report,) = reports
    message = "a\x00\x1b[31m\ufffe<&\"'>\u00e9\n\tb"
    first = report.diagnostics[0]._replace(message=message, layer="\x01")
    root = read([report._replace(diagnostics=(first,))])
    expected = "a\\x00\\x1b[31m\\ufffe<&\"'>\u00e9\\n    b"
    (failure,) = root.iter("failure")
    assert failure.get("message") == expected
    assert expected in (failure.text or "")
    (case,) = root.iter("testcase")
    assert (case.get("name") or "").endswith(r": \x01")
