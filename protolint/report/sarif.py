"""SARIF 2.1.0, the format of code scanning and of the editors that read its results.

Braces in messages stand single though SARIF would have them doubled: viewers show doubled ones
as they are, and only a number in braces means anything to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from protolint.diagnostic import Diagnostic, Label, Severity
from protolint.edit import Applicability, Fix
from protolint.lint.file_report import FileReport
from protolint.lint.manual import manual_page, markdown_page, rule_as_dict
from protolint.lint.registry import all_rules
from protolint.lint.rule import Rule
from protolint.report.fingerprint import fingerprinted, line_hashes
from protolint.report.pages import HOME, page_url
from protolint.report.paths import uri_from_root
from protolint.shown import json_text
from protolint.source import BinarySource, Source, Span

__all__ = ["TOOL", "descriptor", "render"]

#: Code scanning groups alerts by this name; `protolint` alone is another tool's.
TOOL = "protolint-caffe"

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_RANKS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_ROOT = "%SRCROOT%"
_LONGEST = 1024  # what GitHub takes as a description
_BOM = b"\xef\xbb\xbf"


def render(
    reports: Sequence[FileReport],
    colour: bool = False,  # noqa: ARG001
    errors: Sequence[str] = (),
) -> str:
    """One run with the rules that found something, every checked file and finding, in ASCII."""
    codes = {diagnostic.code for report in reports for diagnostic in report.diagnostics}
    rules = [rule for rule in all_rules() if rule.code in codes] if codes else []
    numbers = {rule.code: number for number, rule in enumerate(rules)}
    artifacts = _Artifacts()
    for report in reports:
        artifacts.add(report.path, checked=True)
    hashes = {r.path: line_hashes(r.source) for r in reports if r.diagnostics}
    results = []
    for report, diagnostic, fingerprint in fingerprinted(reports):
        line = report.source.line_number(diagnostic.span.start)
        result = _result(report.source, diagnostic, artifacts)
        result["partialFingerprints"] = {
            "primaryLocationLineHash": _line_hash(report, hashes[report.path], line, fingerprint),
            "protolintFinding/v1": fingerprint,
        }
        if diagnostic.code in numbers:
            result["ruleIndex"] = numbers[diagnostic.code]
        results.append(result)
    run = {
        "tool": {"driver": _driver(rules)},
        "invocations": [
            {
                "executionSuccessful": not errors,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": text}} for text in errors
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the checkout."}}},
        "artifacts": artifacts.listed,
        "results": results,
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json_text(document, ascii=True) + "\n"


def _line_hash(report: FileReport, hashes: list[str], line: int, fingerprint: str) -> str:
    """Return the hash of the line, or for weights, which have no lines, of the finding itself."""
    weights = isinstance(report.source, BinarySource)
    return f"{fingerprint[:16]}:1" if weights else hashes[line - 1]


class _Artifacts:
    """The files that results speak of, each listed once."""

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}

    def add(self, path: str, *, checked: bool = False) -> dict[str, Any]:
        """Return the location of a file, with its number in the list."""
        relative = uri_from_root(path)
        uri = relative or Path(path).resolve().as_uri()
        number = self._numbers.get(uri)
        if number is None:
            number = self._numbers[uri] = len(self.listed)
            base = {"uriBaseId": _ROOT} if relative else {}
            self.listed.append({"location": {"uri": uri, **base, "index": number}})
            if checked:
                self.listed[number]["roles"] = ["analysisTarget"]
        known: dict[str, Any] = self.listed[number]["location"]
        return known


def _driver(rules: Sequence[Rule]) -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    driver: dict[str, Any] = {"name": TOOL, "informationUri": HOME}
    with suppress(PackageNotFoundError):
        driver["version"] = version(TOOL)
    driver["rules"] = [descriptor(rule) for rule in rules]
    return driver


def descriptor(rule: Rule) -> dict[str, Any]:
    """Return what a report says of a rule: in short, at length, its page, its level."""
    documentation = rule_as_dict(rule)["documentation"]
    summary = documentation.partition("\n")[0] or rule.name
    descriptor = {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": _clipped(summary)},
        "fullDescription": {"text": _clipped(_what_it_does(documentation) or summary)},
        "help": {"text": manual_page(rule), "markdown": markdown_page(rule)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["caffe", *sorted(rule.dialects)],
            "problem.severity": _RANKS[rule.severity],
        },
    }
    url = page_url(rule.code)
    return descriptor if url is None else {**descriptor, "helpUri": url}


def _what_it_does(documentation: str) -> str:
    """Return the section of that name, as one paragraph."""
    section = documentation.partition("\nWhat it does\n")[2]
    lines = []
    for line in section.split("\n"):
        if line and not line.startswith(" "):
            break
        lines += line.split()
    return " ".join(lines)


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _result(source: Source, diagnostic: Diagnostic, artifacts: _Artifacts) -> dict[str, Any]:
    location: dict[str, Any] = _location(source, diagnostic.span, artifacts)
    if diagnostic.layer is not None:
        location["logicalLocations"] = [{"name": diagnostic.layer, "kind": "layer"}]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": _message(diagnostic)},
        "locations": [location],
        "properties": {"target": diagnostic.target},
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {
                "id": number,
                **_location(label.source or source, label.span, artifacts),
                "message": {"text": _words(label)},
            }
            for number, label in enumerate(diagnostic.related, start=1)
        ]
    fix = diagnostic.fix
    if fix is not None and fix.applicability is not Applicability.DISPLAY_ONLY:
        result["fixes"] = [_fix(source, fix, artifacts)]
    return result


def _message(diagnostic: Diagnostic) -> str:
    """Return what was found, and links to the other places, which GitHub shows only if linked."""
    text = f"{diagnostic.message} [{diagnostic.target}]"
    if not diagnostic.related:
        return text
    links = [
        f"[{_escaped(_words(label))}]({number})"
        for number, label in enumerate(diagnostic.related, start=1)
    ]
    return f"{text}. See: {', '.join(links)}."


def _words(label: Label) -> str:
    return label.text or "here"


def _escaped(text: str) -> str:
    for character in ("\\", "[", "]"):
        text = text.replace(character, f"\\{character}")
    return text


def _location(source: Source, span: Span, artifacts: _Artifacts) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": artifacts.add(source.path),
            "region": _region(source, span),
        }
    }


def _region(source: Source, span: Span) -> dict[str, int]:
    """Lines and columns; of weights the bytes, and line 1, without which GitHub takes nothing."""
    if isinstance(source, BinarySource):
        length = span.end - span.start
        bytes_ = {"byteOffset": span.start, "byteLength": length} if length else {}
        return {"startLine": 1, **bytes_}
    (line, column), (end_line, end_column) = map(source.position, span)
    # Columns do not count a byte order mark.
    before = int(source.data.startswith(_BOM))
    return {
        "startLine": line,
        "startColumn": max(1, column - before) if line == 1 else column,
        "endLine": end_line,
        "endColumn": max(1, end_column - before) if end_line == 1 else end_column,
    }


def _fix(source: Source, fix: Fix, artifacts: _Artifacts) -> dict[str, Any]:
    unsafe = fix.applicability is not Applicability.SAFE
    replacements = [
        {
            "deletedRegion": _region(source, Span(edit.start, edit.end)),
            "insertedContent": {"text": edit.text},
        }
        for edit in fix.edits
    ]
    return {
        "description": {"text": f"{fix.title}{' (unsafe)' if unsafe else ''}"},
        "artifactChanges": [
            {"artifactLocation": artifacts.add(source.path), "replacements": replacements}
        ],
        "properties": {"applicability": fix.applicability.value},
    }
