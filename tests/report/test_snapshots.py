"""One snapshot of each format, from the same findings.

PROTOLINT_WRITE_SNAPSHOTS=1 writes them anew; what changes must be looked at.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from protolint.lint.file_report import FileReport
from protolint.report import FORMATS, renderer

SNAPSHOTS = Path(__file__).parent / "snapshots"
ENDINGS = {"json": "json", "gitlab": "json", "sarif": "json", "junit": "xml", "html": "html"}


def without_the_manual(text: str) -> str:
    """A SARIF report without what changes with every release and every rule's text."""
    document = json.loads(text)
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver.pop("version")
    rules = driver.pop("rules")
    for result in run["results"]:
        assert rules[result.pop("ruleIndex")]["id"] == result["ruleId"]
    return json.dumps(document, indent=2) + "\n"


@pytest.mark.parametrize("name", FORMATS)
def test_the_format_is_as_it_was(name: str, mixed: list[FileReport]) -> None:
    text = renderer(name)(mixed, False)
    if name == "sarif":
        text = without_the_manual(text)
    path = SNAPSHOTS / f"{name}.{ENDINGS.get(name, 'txt')}"
    if os.environ.get("PROTOLINT_WRITE_SNAPSHOTS"):
        path.write_bytes(text.encode("utf-8"))
    assert text == path.read_bytes().decode("utf-8")
