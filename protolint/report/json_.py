"""The findings as JSON, for programs. `schema_version` changes when a field's meaning does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protolint.diagnostic import Diagnostic
from protolint.edit import Fix
from protolint.lint.file_report import FileReport
from protolint.report.pages import page_url
from protolint.shown import json_text
from protolint.source import BinarySource, Source, Span

__all__ = ["SCHEMA_VERSION", "render"]

SCHEMA_VERSION = 1


def render(
    reports: Sequence[FileReport],
    colour: bool = False,  # noqa: ARG001
    errors: Sequence[str] = (),
) -> str:
    """One object; lines and columns count from 1, a column in characters.

    A place in weights has null for them, and `offset` and `end_offset` in bytes from 0 besides,
    null where the layer has no range of its own (HDF5). It is ASCII, whatever encoding stdout
    has. `errors` are the inputs that could not be read, in words. `builds` has a key for each
    state of a net: whether that Caffe builds it, null where something outside the text decides,
    or where a net has more stages than are looked at.
    """
    document = {
        "schema_version": SCHEMA_VERSION,
        "files": [
            {
                "path": report.path,
                "kind": report.kind.value,
                "target": report.target.dialect.name,
                "target_reason": report.target.reason,
                "accepted": report.accepted,
                "builds": report.builds,
            }
            for report in reports
        ],
        "errors": list(errors),
        "diagnostics": [
            _diagnostic(report.source, diagnostic)
            for report in reports
            for diagnostic in report.diagnostics
        ],
    }
    return json_text(document, ascii=True) + "\n"


def _diagnostic(source: Source, diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "url": page_url(diagnostic.code),
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "path": diagnostic.path,
        **_place(source, diagnostic.span),
        "layer": diagnostic.layer,
        "target": diagnostic.target,
        "related": [
            {
                "message": label.text,
                "path": (label.source or source).path,
                **_place(label.source or source, label.span),
            }
            for label in diagnostic.related
        ],
        "fix": _fix(source, diagnostic.fix),
    }


def _place(source: Source, span: Span) -> dict[str, int | None]:
    names = ("line", "column", "end_line", "end_column")
    if not isinstance(source, BinarySource):
        values = (*source.position(span.start), *source.position(span.end))
        return dict(zip(names, values, strict=True))
    offsets = span if span.end > span.start else (None, None)
    return {**dict.fromkeys(names), "offset": offsets[0], "end_offset": offsets[1]}


def _fix(source: Source, fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {
        "title": fix.title,
        "applicability": fix.applicability.value,
        "edits": [
            {**_place(source, Span(edit.start, edit.end)), "text": edit.text}
            for edit in sorted(fix.edits, key=lambda edit: (edit.start, edit.end))
        ],
    }
