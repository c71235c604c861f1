"""Workflow commands: what the runner reads is what was found."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.report.github import render
from protolint.report.merged import merged
from protolint.shown import shown
from protolint.source import Source, Span
from protolint.workspace.workspace import Workspace

_COMMAND = re.compile(r"::(\w+)(?: (.*?))?::(.*)")
_ESCAPES = {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    message: str


def unescaped(text: str, *, of_property: bool) -> str:
    known = "%(?:25|0D|0A|3A|2C)" if of_property else "%(?:25|0D|0A)"
    return re.sub(known, lambda match: _ESCAPES[match[0]], text)


def read(text: str) -> list[Command]:
    """The commands in a log, read as the runner's documentation says."""
    found = []
    for line in text.split("\n"):
        match = _COMMAND.fullmatch(line)
        if line.startswith("::"):
            assert match, line
            pairs = [pair.split("=", 1) for pair in (match[2] or "").split(",")]
            properties = {name: unescaped(value, of_property=True) for name, value in pairs}
            found.append(Command(match[1], properties, unescaped(match[3], of_property=False)))
    return found


def test_a_command_for_each_finding(mixed: list[FileReport]) -> None:
    commands = read(render(mixed))
    found = [diagnostic for report in merged(mixed) for diagnostic in report.diagnostics]
    assert len(commands) == len(found)
    kinds = {"error": "error", "warning": "warning", "info": "notice"}
    for command, diagnostic in zip(commands, found, strict=True):
        assert command.name == kinds[diagnostic.severity.value]
        assert command.properties["file"] == "nets/r\u00e9seau 1.prototxt"
        assert command.properties["title"] == f"{diagnostic.code} {diagnostic.name}"
        assert f"{diagnostic.code} {diagnostic.message}" in command.message
    last = next(c for c in commands if "NT001" in c.message)
    assert [last.properties[key] for key in ("line", "endLine", "col", "endColumn")] == [
        "13", "13", "46", "61",
    ]  # fmt: skip
    assert last.message.startswith("nets/r\u00e9seau 1.prototxt:13:46: NT001 loss:")


def test_the_log_ends_with_the_summary(mixed: list[FileReport]) -> None:
    assert render(mixed).splitlines()[-1].startswith("Found 3 errors")
    assert render(mixed[-1:]).startswith("No findings in 1 file")


def test_columns_are_left_out_of_a_place_of_several_lines(reports: list[FileReport]) -> None:
    (report,) = reports
    first = report.diagnostics[0]._replace(span=Span(0, len(report.source.data)))
    (command,) = read(render([report._replace(diagnostics=(first,))]))
    assert (command.properties["line"], command.properties["endLine"]) == ("1", "8")
    assert not {"col", "endColumn"} & command.properties.keys()


@pytest.mark.parametrize("path", ["a,line=1:b%2C.prototxt", "::error::x", "a\r\n::error::b"])
def test_a_path_cannot_end_its_property(path: str) -> None:
    (command,) = read(render(check_source(Workspace(), Source(path, b"# nothing"))))
    assert command.properties["file"] == shown(path)
    assert command.properties["line"] == "1"


@given(st.text(max_size=30))
def test_a_message_stays_on_its_line(message: str) -> None:
    (report,) = check_source(Workspace(), Source("x", b"# nothing"))
    (diagnostic,) = report.diagnostics
    changed = report._replace(diagnostics=(diagnostic._replace(message=message),))
    (command,) = read(render([changed]))
    assert command.message == shown(f"x:1:1: {diagnostic.code} {message} [bvlc]")
