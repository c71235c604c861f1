"""GitLab's Code Quality report: valid, and known again in the next run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from protolint.caffe.registry import DIALECTS
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.report.gitlab import render
from protolint.source import Source
from protolint.workspace.workspace import Choices, Workspace

TEXT = """\
layer { name: "a" type: "Nope" bottom: "x" }
layer { name: "b" type: "Nope" bottom: "x" bottom: "x" }
layer { type: "Nope" }
layer { type: "Nope" }
"""


@pytest.fixture(scope="module")
def validator(schemas: Path) -> Draft202012Validator:
    schema = json.loads((schemas / "gitlab-code-quality.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def issues(*reports: FileReport) -> list[dict[str, Any]]:
    return list(json.loads(render(reports)))


def fingerprints(text: str, path: str = "net.prototxt", target: str = "bvlc") -> list[str]:
    reports = check_source(
        Workspace(Choices(targets=(DIALECTS[target],))), Source(path, text.encode())
    )
    return [issue["fingerprint"] for issue in issues(*reports)]


def test_it_is_valid(validator: Draft202012Validator, mixed: list[FileReport]) -> None:
    validator.validate(issues())
    found = issues(*mixed)
    validator.validate(found)
    assert len(found) == sum(len(report.diagnostics) for report in mixed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(name=st.binary(max_size=20))
def test_it_is_valid_whatever_a_layer_is_called(
    validator: Draft202012Validator, name: bytes
) -> None:
    data = b'layer { name: "' + name + b'" type: "Nope" }'
    validator.validate(issues(*check_source(Workspace(), Source("x", data))))


def test_severities(mixed: list[FileReport]) -> None:
    found = {issue["check_name"]: issue["severity"] for issue in issues(*mixed)}
    assert (found["NT001"], found["BN021"], found["BN022"]) == ("critical", "major", "info")


def test_findings_that_look_alike_have_fingerprints_of_their_own() -> None:
    found = fingerprints(TEXT)
    assert len(found) == len(set(found)) >= 4


def test_fingerprints_outlive_edits_elsewhere() -> None:
    before = fingerprints(TEXT)
    assert fingerprints("# a comment\n\n" + TEXT) == before
    assert fingerprints(TEXT.replace("layer {", "layer\t{ ")) == before
    more = fingerprints('layer { name: "new" type: "Neu" }\n' + TEXT)
    assert set(before) < set(more)


def test_fingerprints_differ_by_file_and_target() -> None:
    known = fingerprints(TEXT)
    assert not set(known) & set(fingerprints(TEXT, path="other.prototxt"))
    assert not set(known) & set(fingerprints(TEXT, target="nvidia-0.15"))
    assert set(known) == set(fingerprints(TEXT, path="./net.prototxt"))


def paths(path: str) -> set[str]:
    return {
        issue["location"]["path"]
        for issue in issues(*check_source(Workspace(), Source(path, b"x: 1")))
    }


def test_paths_start_at_the_root_of_the_checkout(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "nets").mkdir()
    assert paths(str(checkout / "nets" / "a.prototxt")) == {"nets/a.prototxt"}
    assert paths("./nets/a.prototxt") == {"nets/a.prototxt"}
    monkeypatch.chdir(checkout / "nets")
    assert paths("a.prototxt") == {"a.prototxt"}
    for name in ("CI_PROJECT_DIR", "GITHUB_WORKSPACE"):
        with monkeypatch.context() as ci:
            ci.setenv(name, str(checkout))
            assert paths("a.prototxt") == {"nets/a.prototxt"}
            assert paths("../b.prototxt") == {"b.prototxt"}
            ci.setenv(name, str(checkout / "elsewhere"))
            assert paths("a.prototxt") == {"a.prototxt"}


def test_a_checkout_is_found_through_links(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "real").mkdir()
    (checkout / "link").symlink_to("real")
    monkeypatch.setenv("CI_PROJECT_DIR", str(checkout / "link"))
    monkeypatch.chdir(checkout / "real")
    assert paths("a.prototxt") == {"a.prototxt"}
    assert paths(str(checkout / "link" / "a.prototxt")) == {"a.prototxt"}


def test_names_are_told_as_text(mixed: list[FileReport]) -> None:
    assert issues(*mixed)[0]["location"]["path"] == "nets/r\u00e9seau 1.prototxt"
    assert paths("caf\udce9.prototxt") == {"caf\ufffd.prototxt"}
