"""JUnit's XML: a test suite for each file and target, a failed test for each finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from protolint.diagnostic import Diagnostic
from protolint.lint.file_report import FileReport
from protolint.report.pages import page_url
from protolint.report.paths import reported_path
from protolint.report.summary import fix_word
from protolint.shown import shown

__all__ = ["render"]


def render(
    reports: Sequence[FileReport],
    colour: bool = False,  # noqa: ARG001
    _errors: Sequence[str] = (),
) -> str:
    """One document, in ASCII, whatever encoding stdout has.

    A file without findings is one test that passed, so that it is seen to have been checked.
    """
    root = ET.Element("testsuites", {"name": "protolint", **_counts(reports)})
    for report in reports:
        path = reported_path(report.path)
        title = f"{path} [{report.target.dialect.name}]"
        attributes = {"name": title, "file": path, **_counts([report])}
        suite = _child(root, "testsuite", attributes)
        if not report.diagnostics:
            _child(suite, "testcase", {"name": "no findings", "classname": title})
        names: Counter[str] = Counter()
        for diagnostic in report.diagnostics:
            name = _name(diagnostic)
            names[name] += 1
            # GitLab leaves out all but the first of tests with one name.
            number = f" ({names[name]})" if names[name] > 1 else ""
            case = _child(suite, "testcase", {"name": name + number, "classname": title})
            _failure(case, report, path, diagnostic)
    ET.indent(root)
    text = ET.tostring(root, encoding="us-ascii").decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _counts(reports: Sequence[FileReport]) -> dict[str, str]:
    failures = sum(len(report.diagnostics) for report in reports)
    passed = sum(not report.diagnostics for report in reports)
    return {"tests": str(failures + passed), "failures": str(failures), "errors": "0"}


def _name(diagnostic: Diagnostic) -> str:
    layer = f": {diagnostic.layer}" if diagnostic.layer else ""
    return f"{diagnostic.code} {diagnostic.name}{layer}"


def _failure(case: ET.Element, report: FileReport, path: str, diagnostic: Diagnostic) -> None:
    lines = [f"{report.source.place(diagnostic.span, path)}: {diagnostic.message}"]
    if diagnostic.fix is not None:
        lines.append(f"{fix_word(diagnostic.fix)}: {diagnostic.fix.title}")
    lines += filter(None, [page_url(diagnostic.code)])
    attributes = {"type": diagnostic.severity.value, "message": diagnostic.message}
    _child(case, "failure", attributes).text = "\n".join(map(shown, lines))


def _child(parent: ET.Element, tag: str, attributes: dict[str, str]) -> ET.Element:
    return ET.SubElement(parent, tag, {k: shown(v) for k, v in attributes.items()})
