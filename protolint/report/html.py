"""Findings over the source as one page: what was found, the nets as pictures, every line marked.

The page asks for no other file and needs no script. Pictures are left out where grandalf, of
the extra `picture`, is not installed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from protolint import picture
from protolint.diagnostic import Diagnostic, Severity
from protolint.errors import UsageError
from protolint.lint.file_report import FileReport
from protolint.report.merged import merged
from protolint.report.pages import page_url
from protolint.report.summary import fix_word, summary
from protolint.shown import markup
from protolint.source import BinarySource, Source
from protolint.weights.kinds import FileKind
from protolint.workspace.reading import Readings

__all__ = ["render"]

#: More layers than these make no picture that anybody could read.
_MOST_LAYERS = 500


def render(reports: Sequence[FileReport], _colour: bool, errors: Sequence[str] = ()) -> str:
    """Return the page for what was checked."""
    found = merged(reports)
    files = [list(group) for _, group in groupby(found, key=lambda report: report.path)]
    pictures = [_pictures(number, reports[0]) for number, reports in enumerate(files)]
    sections = "".join(map(_section, range(len(files)), files, pictures))
    unread = "".join(f'<p class="error">{markup(error)}</p>' for error in errors)
    with open(os.path.join(os.path.dirname(__file__), "html.css"), encoding="utf-8") as file:
        style = file.read() + (picture.STYLE if any(pictures) else "")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>protolint: {len(found)} checked</title>\n<style>{style}</style>\n"
        f"</head>\n<body>\n"
        f"<h1>{markup(summary(reports))}</h1>\n{unread}{_rules(found)}{sections}</body>\n</html>\n"
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _rules(reports: Sequence[FileReport]) -> str:
    """Return how often each rule was broken, with a link to its page."""
    counts = Counter((d.severity, d.code, d.name) for r in reports for d in r.diagnostics)
    order = list(Severity)
    rows = "".join(
        f'<tr><td class="{severity.value}">{severity.value}</td><td>{_code(code)}</td>'
        f"<td>{markup(name)}</td><td>{count}</td></tr>\n"
        for (severity, code, name), count in sorted(
            counts.items(), key=lambda one: (order.index(one[0][0]), one[0][1])
        )
    )
    return f"<table>\n{rows}</table>\n" if rows else ""


def _code(code: str) -> str:
    url = page_url(code)
    return f'<a href="{url}">{markup(code)}</a>' if url is not None else markup(code)


def _section(number: int, reports: list[FileReport], pictures: str) -> str:
    source = reports[0].source
    targets = "; ".join(f"{r.target.dialect.name}, {r.target.reason}" for r in reports)
    head = f'<h2>{markup(source.path)} <span class="quiet">{markup(targets)}</span></h2>\n'
    diagnostics = sorted(
        (d for report in reports for d in report.diagnostics), key=lambda d: d.span.start
    )
    if isinstance(source, BinarySource):
        return head + "".join(_finding(diagnostic) for diagnostic in diagnostics)
    return f"{head}{pictures}{_source(number, source, diagnostics)}"


def _pictures(number: int, report: FileReport) -> str:
    """Return the states of a net, each as a picture that is opened."""
    if report.kind is not FileKind.NET:
        return ""
    (net, *_) = Readings.of(report.source, report.build).read(report.target.dialect).nets
    parts: list[str] = []
    for view in net.views:
        if 0 < len(view.layers) <= _MOST_LAYERS:
            drawn = picture.diagram(net, view, {}, report.diagnostics)
            try:
                image = picture.svg(drawn, f"f{number}v{len(parts)}", styled=False)
            except UsageError:
                return ""
            parts.append(
                f"<details><summary>{markup(drawn.title)} as a picture</summary>"
                f"<figure>{image}</figure></details>\n"
            )
    return "".join(parts)


def _source(number: int, source: Source, diagnostics: Sequence[Diagnostic]) -> str:
    """Return every line of a file, what is wrong underlined and explained below it."""
    by_line: dict[int, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        by_line.setdefault(source.line_number(diagnostic.span.start), []).append(diagnostic)
    lines = []
    ends = [*source.line_starts[1:], len(source.data)]
    for count, (at, end) in enumerate(zip(source.line_starts, ends, strict=True), 1):
        if at == end and count > 1:
            break  # Nothing follows the last line end.
        found = by_line.get(count, [])
        text = _marked(source.data[at:end].rstrip(b"\r\n"), at, found)
        anchor = f"f{number}l{count}"
        lines.append(f'<div class="line" id="{anchor}"><a href="#{anchor}">{count}</a>{text}</div>')
        lines += [_finding(diagnostic) for diagnostic in found]
    return f'<div class="source">{"".join(lines)}</div>\n'


def _marked(raw: bytes, at: int, found: Sequence[Diagnostic]) -> str:
    """Return a line that starts at a byte, the places of its findings marked."""
    text, done = "", 0
    for diagnostic in found:
        start = max(diagnostic.span.start - at, done)
        end = min(max(diagnostic.span.end - at, start), len(raw))
        if end > start:
            kind = diagnostic.severity.value
            text += f'{_shown(raw[done:start])}<mark class="{kind}">{_shown(raw[start:end])}</mark>'
            done = end
    return text + _shown(raw[done:])


def _shown(raw: bytes) -> str:
    return markup(raw.decode("utf-8", "replace").expandtabs(4))


def _finding(diagnostic: Diagnostic) -> str:
    kind, fix = diagnostic.severity.value, ""
    if diagnostic.fix is not None:
        text = f"{fix_word(diagnostic.fix)}: {diagnostic.fix.title}"
        fix = f' <span class="quiet">{markup(text)}</span>'
    return (
        f'<div class="finding"><b class="{kind}">{kind} {_code(diagnostic.code)}</b> '
        f"{markup(diagnostic.message)}{fix}</div>\n"
    )
