"""One picture of each output format, from the same findings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from protolint.diagnostic import Label
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.lint.registry import all_rules
from protolint.lint.rule import RULES
from protolint.report import DOCUMENTS, FORMATS, renderer
from protolint.report.pages import page_url
from protolint.source import Source, Span
from protolint.workspace.workspace import Workspace

FULL = """\
error[BN003]: bn: gamma has no scale_filler and starts at 0; add scale_filler { type: "constant" value: 1 }
 --> net.prototxt:5:2
  |
5 |     batch_norm_param { eps: 1e-3 eps: 1e-4 }
  |     ^^^^^^^^^^^^^^^^^^
  |
  = missing-scale-filler, for nvidia-0.15 (as asked)
  = fix: Let gamma start at 1

error[PT004]: 'eps' is given twice in one BatchNormParameter (first at line 5); keep one
 --> net.prototxt:5:31
  |
5 |     batch_norm_param { eps: 1e-3 eps: 1e-4 }
  |                        --- first given here
  |                                  ^^^
  |
  = duplicate-singular-field, for nvidia-0.15 (as asked)
"""  # noqa: E501


def test_full_shows_the_source_and_both_places(reports: list[FileReport]) -> None:
    text = renderer("full")(reports, False)
    assert text.startswith(FULL)
    assert text.endswith(
        "Found 3 errors in 1 file. 1 fixable with --fix. "
        "It does not build in TRAIN and TEST for nvidia-0.15.\n"
    )


def test_full_underlines_what_the_span_covers(reports: list[FileReport]) -> None:
    lines = renderer("full")(reports, False).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("7 |"))
    assert lines[at + 1].index("^") == lines[at].index('bottom: "datum"')
    assert lines[at + 1].count("^") == len('bottom: "datum"')


def test_colour_only_adds_codes(reports: list[FileReport], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    for name in ("full", "concise", "grouped"):
        coloured = renderer(name)(reports, True)
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == renderer(name)(reports, False)


def test_concise_is_one_line_for_each_finding(reports: list[FileReport]) -> None:
    assert renderer("concise")(reports, False).splitlines() == [
        (
            "net.prototxt:5:2: error BN003 [*] bn: gamma has no scale_filler and starts at 0; add "
            'scale_filler { type: "constant" value: 1 } [nvidia-0.15]'
        ),
        (
            "net.prototxt:5:31: error PT004 'eps' is given twice in one BatchNormParameter "
            "(first at line 5); keep one [nvidia-0.15]"
        ),
        (
            "net.prototxt:7:46: error NT001 loss: bottom 'datum' does not exist in TRAIN and "
            "TEST; did you mean 'data'? [nvidia-0.15]"
        ),
        (
            "Found 3 errors in 1 file. 1 fixable with --fix. "
            "It does not build in TRAIN and TEST for nvidia-0.15."
        ),
    ]


def test_json_has_the_promised_fields(reports: list[FileReport]) -> None:
    document = json.loads(renderer("json")(reports, False))
    assert list(document) == ["schema_version", "files", "errors", "diagnostics"]
    assert document["schema_version"] == 1
    assert document["files"] == [
        {
            "path": "net.prototxt",
            "kind": "net",
            "target": "nvidia-0.15",
            "target_reason": "as asked",
            "accepted": False,
            "builds": {"TRAIN": False, "TEST": False},
        }
    ]
    first, second, third = document["diagnostics"]
    assert list(first) == [
        "code", "name", "url", "severity", "message", "path", "line", "column", "end_line",
        "end_column", "layer", "target", "related", "fix",
    ]  # fmt: skip
    assert (first["code"], first["layer"], first["line"], first["column"]) == ("BN003", "bn", 5, 2)
    assert first["fix"]["applicability"] == "safe"
    (edit,) = first["fix"]["edits"]
    assert edit["line"] == edit["end_line"] == 5
    assert second["related"] == [
        {
            "message": "first given here",
            "path": "net.prototxt",
            "line": 5,
            "column": 21,
            "end_line": 5,
            "end_column": 24,
        }
    ]
    assert third["fix"] is None


def test_columns_count_characters_not_bytes() -> None:
    text = 'layer { name: "\u00e9\u00e9" type: "Nope" }\n'
    reports = check_source(Workspace(), Source("x", text.encode()))
    (found,) = json.loads(renderer("json")(reports, False))["diagnostics"]
    assert found["column"] == text.index("type") + 1


def test_a_clean_file_says_what_it_was_checked_for() -> None:
    reports = check_source(Workspace(), Source("x", b'layer { name: "i" type: "Input" top: "x" }'))
    for name in ("full", "concise", "grouped", "github"):
        assert renderer(name)(reports, False) == (
            "No findings in 1 file, checked for bvlc (nothing in the file points to another). "
            "It builds in TRAIN and TEST for bvlc.\n"
        )


def test_wide_characters_and_long_lines_stay_in_the_picture() -> None:
    text = 'layer { name: "\u5c64" type: "Nope" ' + " " * 200 + 'foo: "x" }'
    shown = renderer("full")(check_source(Workspace(), Source("x", text.encode())), False)
    assert max(len(line) for line in shown.splitlines()) < 140
    lines = shown.splitlines()
    at = next(i for i, line in enumerate(lines) if "type:" in line)
    # The wide character takes two columns of the terminal and one of the text.
    assert lines[at + 1].index("^") == lines[at].index("type:") + 1


@pytest.mark.parametrize("name", FORMATS)
def test_no_reports_are_rendered_too(name: str) -> None:
    assert renderer(name)([], False).endswith("\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)


LINK = re.compile("\x1b\\]8;;([^\x1b\x07]*)\x1b\\\\")


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("name", ["full", "concise", "grouped"])
def test_codes_link_to_their_pages_on_a_terminal(name: str, reports: list[FileReport]) -> None:
    text = renderer(name)(reports, True)
    assert LINK.sub("", re.sub(r"\x1b\[[0-9;]*m", "", text)) == renderer(name)(reports, False)
    linked = re.findall("\x1b\\]8;;([^\x1b]+)\x1b\\\\([A-Z0-9]+)\x1b\\]8;;\x1b\\\\", text)
    base = "https://github.com/protolint-caffe/protolint/blob/main/docs/rules/"
    assert linked == [(f"{base}{code}.md", code) for code in ("BN003", "PT004", "NT001")]


@pytest.mark.usefixtures("terminal")
def test_there_are_no_links_without_colour(reports: list[FileReport]) -> None:
    for name in ("full", "concise", "grouped"):
        assert "\x1b" not in renderer(name)(reports, False)


def test_there_are_no_links_without_a_terminal(
    reports: list[FileReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: False)
    for name in ("full", "concise", "grouped"):
        text = renderer(name)(reports, True)
        assert "\x1b[" in text
        assert "\x1b]8" not in text


def test_every_page_that_is_linked_is_there(repository: Path) -> None:
    for rule in all_rules():
        url = page_url(rule.code)
        assert url is not None
        assert (repository / "docs" / "rules" / url.rpartition("/")[2]).is_file()


def test_a_rule_of_a_plug_in_has_no_page_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = all_rules()[0]
    monkeypatch.setitem(RULES, "XY001", ours._replace(code="XY001", module="their.rules"))
    assert page_url("XY001") is None
    assert page_url("XY999") is None


def test_grouped_has_a_heading_for_each_file_and_target(mixed: list[FileReport]) -> None:
    blocks = renderer("grouped")(mixed, False).split("\n\n")
    headings = [block.splitlines()[0] for block in blocks]
    assert headings[:2] == [
        "nets/r\u00e9seau 1.prototxt [bvlc]",
        "nets/r\u00e9seau 1.prototxt [nvidia-0.15]",
    ]
    assert headings[2:] == [
        (
            "Found 3 errors, 1 warning, 1 info in 2 files. 1 fixable with --fix, "
            "2 more with --fix --unsafe-fixes."
        )
    ]
    assert "  12:1  warning  BN021  scale: 'bn' already scales" in blocks[1]
    assert "  13:46  error  NT001  loss: bottom 'datum'" in blocks[0]
    assert "[bvlc and nvidia-0.15]" in blocks[0]


@pytest.mark.parametrize("name", ["full", "concise", "grouped"])
def test_a_net_cannot_write_to_the_terminal(name: str, reports: list[FileReport]) -> None:
    (report,) = reports
    evil = "\x1b]0;title\x07\rx\n::y"
    label = Label(Span(0, 1), evil)
    first = report.diagnostics[0]._replace(message=evil, related=(label,))
    source = Source("a\x1b[2J\n", report.source.data)
    text = renderer(name)([report._replace(source=source, diagnostics=(first,))], False)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert r"\x1b]0;title\x07\rx\n::y" in text


def test_formats_for_programs_are_named_and_the_same_in_every_encoding(
    mixed: list[FileReport],
) -> None:
    assert set(FORMATS) >= DOCUMENTS
    for name in FORMATS:
        assert (renderer(name)([], False)[0] in "{[<") == (name in DOCUMENTS)
        assert renderer(name)(mixed, False).isascii() == (name in DOCUMENTS)
