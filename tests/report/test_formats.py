"""One picture of each output format, from the same findings."""

from __future__ import annotations

import json

import pytest

from protolint.lint.runner import FileReport, check_source
from protolint.report import FORMATS, renderer
from protolint.schema.dialects import DIALECTS
from protolint.source import Source

TEXT = """\
layer { name: "d\u00e9j\u00e0" type: "Data" top: "data" top: "label" }
layer {
\tname: "bn"\ttype: "BatchNorm"
\tbottom: "data" top: "data"
\tbatch_norm_param { eps: 1e-3 eps: 1e-4 }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "datum" bottom: "label" }
"""

FULL = """\
error[BN003]: bn: gamma has no scale_filler and starts at 0; add scale_filler { type: "constant" value: 1 }
 --> net.prototxt:5:2
  |
5 |     batch_norm_param { eps: 1e-3 eps: 1e-4 }
  |     ^^^^^^^^^^^^^^^^^^
  |
  = missing-scale-filler, for nvidia-0.15 (as asked)
  = fix: Let gamma start at 1

error[PT004]: 'eps' is given twice in one BatchNormParameter (first at line 5); the parser rejects the file
 --> net.prototxt:5:31
  |
5 |     batch_norm_param { eps: 1e-3 eps: 1e-4 }
  |                        --- first given here
  |                                  ^^^
  |
  = duplicate-singular-field, for nvidia-0.15 (as asked)
"""  # noqa: E501


@pytest.fixture
def reports() -> list[FileReport]:
    wanted = {"BN003", "PT004", "NT001"}
    found = check_source(Source("net.prototxt", TEXT.encode()), targets=(DIALECTS["nvidia-0.15"],))
    return [
        r._replace(diagnostics=tuple(d for d in r.diagnostics if d.code in wanted)) for r in found
    ]


def test_full_shows_the_source_and_both_places(reports: list[FileReport]) -> None:
    text = renderer("full")(reports, False)
    assert text.startswith(FULL)
    assert text.endswith("Found 3 errors in 1 file. 1 fixable with --fix.\n")


def test_full_underlines_what_the_span_covers(reports: list[FileReport]) -> None:
    lines = renderer("full")(reports, False).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("7 |"))
    assert lines[at + 1].index("^") == lines[at].index('bottom: "datum"')
    assert lines[at + 1].count("^") == len('bottom: "datum"')


def test_colour_only_adds_codes(reports: list[FileReport]) -> None:
    import re

    for name in ("full", "concise"):
        coloured = renderer(name)(reports, True)
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == renderer(name)(reports, False)


def test_concise_is_one_line_for_each_finding(reports: list[FileReport]) -> None:
    assert renderer("concise")(reports, False).splitlines() == [
        (
            "net.prototxt:5:2: error BN003 bn: gamma has no scale_filler and starts at 0; add "
            'scale_filler { type: "constant" value: 1 } [nvidia-0.15]'
        ),
        (
            "net.prototxt:5:31: error PT004 'eps' is given twice in one BatchNormParameter "
            "(first at line 5); the parser rejects the file [nvidia-0.15]"
        ),
        (
            "net.prototxt:7:46: error NT001 loss: bottom 'datum' does not exist in TRAIN and "
            "TEST; did you mean 'data'? [nvidia-0.15]"
        ),
        "Found 3 errors in 1 file. 1 fixable with --fix.",
    ]


def test_json_has_the_promised_fields(reports: list[FileReport]) -> None:
    document = json.loads(renderer("json")(reports, False))
    assert list(document) == ["schema_version", "files", "diagnostics"]
    assert document["schema_version"] == 1
    assert document["files"] == [
        {
            "path": "net.prototxt",
            "kind": "net",
            "target": "nvidia-0.15",
            "target_reason": "as asked",
            "accepted": False,
        }
    ]
    first, second, third = document["diagnostics"]
    assert list(first) == [
        "code", "name", "severity", "message", "path", "line", "column", "end_line",
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
    reports = check_source(Source("x", text.encode()))
    (found,) = json.loads(renderer("json")(reports, False))["diagnostics"]
    assert found["column"] == text.index("type") + 1


def test_a_clean_file_says_what_it_was_checked_for() -> None:
    reports = check_source(Source("x", b'layer { name: "i" type: "Input" top: "x" }'))
    for name in ("full", "concise"):
        assert renderer(name)(reports, False) == (
            "No findings in 1 file, checked for bvlc (nothing in the file points to another).\n"
        )


def test_wide_characters_and_long_lines_stay_in_the_picture() -> None:
    text = 'layer { name: "\u5c64" type: "Nope" ' + " " * 200 + 'foo: "x" }'
    shown = renderer("full")(check_source(Source("x", text.encode())), False)
    assert max(len(line) for line in shown.splitlines()) < 140
    lines = shown.splitlines()
    at = next(i for i, line in enumerate(lines) if "type:" in line)
    # The wide character takes two columns of the terminal and one of the text.
    assert lines[at + 1].index("^") == lines[at].index("type:") + 1


@pytest.mark.parametrize("name", FORMATS)
def test_no_reports_are_rendered_too(name: str) -> None:
    assert renderer(name)([], False).endswith("\n")
