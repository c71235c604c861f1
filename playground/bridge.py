"""What the page asks protolint, and the answers: both are JSON.

The worker calls `answer`. Findings come from `protolint.check`, help while writing from what the
language server knows, everything else is what the command line prints for the same text.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import protolint
from protolint.cli import exit_code_of
from protolint.lsp.completion import complete
from protolint.lsp.hover import describe_field
from protolint.lsp.navigation import describe_blob
from protolint.report.merged import merged
from protolint.report.summary import verdict
from protolint.source import Source
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Choices, Workspace

__all__ = ["answer"]

#: The name that a text has in messages.
NAME = "net.prototxt"

#: The rule on a solver's net that is not there: the page holds one file.
_ABSENT = "SV008"

_Request = Mapping[str, Any]


def answer(request: str) -> str:
    """Return the answer to a request; `{"error": words}` where protolint refuses the text.

    A request has `ask`, one of check, fix, format, show, picture, explain, complete and hover;
    `text`; and `target`, the name of a Caffe or "auto".
    """
    asked: _Request = json.loads(request)
    try:
        found = _ANSWERS[asked["ask"]](asked)
    except protolint.ProtolintError as error:
        found = {"error": str(error)}
    except Exception as error:  # the page goes on with the next text
        found = {"error": f"this is a fault of protolint; please report it: {error!r}"}
    return json.dumps(found)


def _check(asked: _Request) -> dict[str, Any]:
    """Return findings, with places as the page counts them, and what the text is checked for."""
    data = _data(asked)
    result = protolint.check(data, name=NAME, target=asked["target"], ignore=_ABSENT, isolated=True)
    reports = merged(result.reports)
    place = _places(data)
    return {
        "targets": [
            {
                "name": report.target.dialect.name,
                "reason": report.target.reason,
                "verdict": verdict(report),
            }
            for report in result.reports
        ],
        "findings": [
            _finding(finding, result.position(finding), place)
            for report in reports
            for finding in report.diagnostics
        ],
    }


def _finding(
    finding: protolint.Diagnostic, position: protolint.Position, place: Callable[[int], int]
) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "message": finding.message,
        "layer": finding.layer,
        "target": finding.target,
        "line": position.line,
        "column": position.column,
        "from": place(finding.span.start),
        "to": place(finding.span.end),
        "related": [
            {"message": label.text, "from": place(label.span.start), "to": place(label.span.end)}
            for label in finding.related
            if label.source is None
        ],
        "fix": _fix(finding.fix, place),
    }


def _fix(fix: protolint.Fix | None, place: Callable[[int], int]) -> dict[str, Any] | None:
    if fix is None or fix.applicability is protolint.Applicability.DISPLAY_ONLY:
        return None
    edits = sorted(fix.edits, key=lambda edit: (edit.start, edit.end))
    return {
        "title": fix.title,
        "safe": fix.applicability is protolint.Applicability.SAFE,
        "edits": [
            {"from": place(edit.start), "to": place(edit.end), "insert": edit.text}
            for edit in edits
        ],
    }


def _fix_all(asked: _Request) -> dict[str, Any]:
    """Return the text with every safe fix applied, and which they were."""
    text, notes, code = _command(asked, "check", "--fix", "--stdin-filename", NAME, "-")
    return {"error": notes} if code else {"text": text, "note": notes}


def _format(asked: _Request) -> dict[str, Any]:
    """Return the text as `protolint format` lays it out, and why where it is left as it is."""
    text, notes, code = _command({**asked, "target": "auto"}, "format", "-")
    return {"error": notes} if code else {"text": text, "note": notes}


def _show(asked: _Request) -> dict[str, Any]:
    """Return the document of `protolint show --output-format json`."""
    document, notes, code = _command(asked, "show", "--output-format", "json", "-")
    return {"error": notes} if code else {"document": json.loads(document)}


def _picture(asked: _Request) -> dict[str, Any]:
    """Return the picture of one state, as in "TEST" or "TRAIN,stage", as SVG."""
    state = asked["state"]
    svg, notes, code = _command(asked, "show", "--state", state, "--svg", "-", "-")
    return {"error": notes} if code else {"svg": svg}


def _explain(asked: _Request) -> dict[str, Any]:
    """Return what in the text points to which Caffe, whichever was chosen."""
    asked = {**asked, "target": "auto"}
    text, notes, code = _command(asked, "check", "--explain-target", "--stdin-filename", NAME, "-")
    return {"text": notes if code else text}


def _complete(asked: _Request) -> dict[str, Any]:
    """Return what could be written at the place `at`, and which characters it replaces."""
    file = _file(asked)
    found = complete(file.source.text, _offset(asked), file.message.type, file.dialect)
    place = _places(file.source.data)
    items = [item._asdict() for item in found.items]
    return {"from": place(found.start), "to": place(found.end), "items": items}


def _hover(asked: _Request) -> dict[str, Any]:
    """Return what the blob or field at the place `at` is, as Markdown; no `text` for nothing."""
    file = _file(asked)
    offset = _offset(asked)
    found = describe_field(file.source.text, offset, file.message.type.name)
    if found is None and file.nets:
        found = describe_blob(file.nets[0], offset)
    if found is None:
        return {"text": None}
    place = _places(file.source.data)
    span, text = found
    return {"from": place(span.start), "to": place(span.end), "text": text}


def _file(asked: _Request) -> LintFile:
    """Return the text as the Caffe that it is checked for reads it."""
    name = asked["target"]
    targets = (protolint.DIALECTS[name],) if name in protolint.DIALECTS else ()
    return Workspace(Choices(targets=targets, isolated=True)).read(Source(NAME, _data(asked)))


def _offset(asked: _Request) -> int:
    """Return the place `at` in bytes, which JavaScript counts in UTF-16 code units."""
    before = asked["text"].encode("utf-16-le", "surrogatepass")[: 2 * asked["at"]]
    return len(before.decode("utf-16-le", "replace").encode())


_ANSWERS = {
    "check": _check,
    "fix": _fix_all,
    "format": _format,
    "show": _show,
    "picture": _picture,
    "explain": _explain,
    "complete": _complete,
    "hover": _hover,
}


def _command(asked: _Request, *arguments: str) -> tuple[str, str, int]:
    """Return what a command prints for the text: to standard output, to standard error, its code.

    1 is the code of findings, and counts as 0.
    """
    options = [] if asked["target"] == "auto" else ["--target", asked["target"]]
    out, before = io.TextIOWrapper(io.BytesIO(), "utf-8"), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(_data(asked)))
    try:
        with redirect_stdout(out), redirect_stderr(io.StringIO()) as notes:
            code = exit_code_of([arguments[0], "--isolated", *options, *arguments[1:]])
    finally:
        sys.stdin = before
    out.seek(0)
    return (
        out.read(),
        notes.getvalue().strip().removeprefix("protolint: <stdin>: "),
        code if code > 1 else 0,
    )


def _data(asked: _Request) -> bytes:
    # A page can hold half a surrogate pair, which has no UTF-8.
    text: str = asked["text"]
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _places(data: bytes) -> Callable[[int], int]:
    """Return what turns an offset in bytes into one in UTF-16 code units, as JavaScript counts."""
    if data.isascii():
        return lambda offset: offset
    return lambda offset: len(data[:offset].decode(errors="ignore").encode("utf-16-le")) // 2
