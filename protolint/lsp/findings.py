"""Findings as the protocol has them: ranges in the client's units, edits, actions.

Language Server Protocol 3.17: lines and characters count from 0, and a character is a UTF-16
code unit unless client and server agree on another encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lsprotocol import types

from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import Applicability, Edit
from protolint.errors import ProtolintError
from protolint.lint.add_suppressions import suppression_edits
from protolint.lint.baseline import read_baseline
from protolint.lint.check import check_source
from protolint.lint.file_report import FileReport
from protolint.lint.fixer import fix_source
from protolint.lint.manual import manual_page
from protolint.lint.registry import find_rule
from protolint.lsp.hover import field_said
from protolint.lsp.navigation import said
from protolint.net.net import Net
from protolint.report.pages import page_url
from protolint.source import BinarySource, Source, Span
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Workspace

__all__ = [
    "FIX_ALL", "Document", "actions", "diagnostics", "hover", "offset_of", "open_document",
    "uri_of",
]  # fmt: skip

#: The kind of the action that applies every safe fix.
FIX_ALL = "source.fixAll.protolint"

#: Rules on what could go without a change; editors fade it.
_UNNECESSARY = ("PL002", "BN017", "PT008")
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


@dataclass(frozen=True)
class Document:
    """A text that an editor has open, and what was found in it.

    `several`: it is checked for several targets, so that a fix for one may be wrong.
    """

    uri: str
    source: Source
    findings: tuple[Diagnostic, ...]
    encoding: str
    several: bool = False
    file: LintFile | None = None
    workspace: Workspace = field(default_factory=Workspace)

    @property
    def net(self) -> Net | None:
        """The net of the text, as the first Caffe that it is checked for builds it."""
        return self.file.nets[0] if self.file is not None and self.file.nets else None

    def offset(self, position: types.Position) -> int:
        """Return where a position is, in bytes; the end of the line for one behind it."""
        return offset_of(self.source, position, self.encoding)

    @cached_property
    def fixed(self) -> bytes:
        """The text with every safe fix applied, worked out when it is first asked for."""
        if self.several:
            return self.source.data
        try:
            return fix_source(self.source, self._found).source.data
        except ProtolintError:
            return self.source.data

    def _found(self, source: Source) -> Iterator[Diagnostic]:
        """Yield what is found in another text of the document, for each of its targets."""
        for report in check_source(self.workspace, source):
            yield from report.diagnostics

    def range(self, span: Span, source: Source | None = None) -> types.Range:
        """Where a span is, in the client's units; in this text unless another is given."""
        source = source or self.source
        return types.Range(
            _position(source, span.start, self.encoding), _position(source, span.end, self.encoding)
        )

    def edits(
        self, edits: Iterable[Edit], others: Iterable[tuple[Source, Edit]] = ()
    ) -> types.WorkspaceEdit:
        """Edits of this text, and of files beside it."""
        changes = [types.TextEdit(self.range(Span(e.start, e.end)), e.text) for e in edits]
        found: dict[str, list[types.TextEdit]] = {self.uri: changes}
        for source, e in others:
            place = self.range(Span(e.start, e.end), source)
            found.setdefault(uri_of(source), []).append(types.TextEdit(place, e.text))
        return types.WorkspaceEdit(changes=found)


def open_document(
    uri: str, path: str, text: str, encoding: str, workspace: Workspace | None = None
) -> Document:
    """Return a text with its findings, as `protolint check` on its folder would have them.

    What the configuration excludes has none, and what its baseline lets pass is not among
    them. Raises ProtolintError for a configuration or a baseline that is wrong.
    """
    source = Source(path, text.encode("utf-8", "surrogatepass"))
    workspace = Workspace() if workspace is None else workspace
    settings = workspace.settings(path)
    if settings.excludes(path):
        return Document(uri, source, (), encoding)
    reports: Sequence[FileReport] = check_source(workspace, source)
    if settings.baseline is not None:
        reports, _ = read_baseline(settings.baseline).new(reports, lambda *_: False)
    found = tuple(finding for report in reports for finding in report.diagnostics)
    targets = len({report.target.dialect.name for report in reports})
    file = workspace.read(source)
    return Document(uri, source, found, encoding, targets > 1, file, workspace)


def uri_of(source: Source) -> str:
    """Return the address of a file beside a document."""
    return Path(source.path).absolute().as_uri()


def _position(source: Source, offset: int, encoding: str) -> types.Position:
    line = source.line_number(offset)
    start = source.line_starts[line - 1]
    if source.data[start:offset].isascii():
        return types.Position(line - 1, offset - start)
    return types.Position(line - 1, _units(source.decode(start, offset), encoding))


def offset_of(source: Source, position: types.Position, encoding: str) -> int:
    """Return where a position of a text is, in bytes; the end of the line for one behind it."""
    starts = source.line_starts
    if position.line >= len(starts):
        return len(source.data)
    start = starts[position.line]
    line = source.line(position.line + 1)
    at = units = 0
    for letter in line:
        if units >= position.character:
            break
        units += _units(letter, encoding)
        at += len(letter.encode("utf-8", "surrogatepass"))
    return start + at


def diagnostics(document: Document) -> list[types.Diagnostic]:
    """Return what the client shows."""
    return [_diagnostic(document, finding) for finding in document.findings]


def _diagnostic(document: Document, finding: Diagnostic) -> types.Diagnostic:
    page = page_url(finding.code)
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(
                document.uri if label.source is None else uri_of(label.source),
                document.range(label.span, label.source),
            ),
            label.text,
        )
        for label in finding.related
        if not isinstance(label.source, BinarySource)
    ]
    return types.Diagnostic(
        range=document.range(finding.span),
        message=f"{finding.message} [{finding.target}]",
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        code_description=types.CodeDescription(page) if page is not None else None,
        source="protolint",
        tags=[types.DiagnosticTag.Unnecessary] if finding.code in _UNNECESSARY else None,
        related_information=related or None,
    )


def _at(document: Document, place: types.Range) -> Iterator[Diagnostic]:
    """Yield the findings that share a character, or an edge, with a range."""
    for finding in document.findings:
        own = document.range(finding.span)
        if _key(own.start) <= _key(place.end) and _key(place.start) <= _key(own.end):
            yield finding


def actions(document: Document, place: types.Range) -> list[types.CodeAction]:
    """Return what can be done about the findings at a range, and about all of them."""
    found: list[types.CodeAction] = []
    for finding in _at(document, place):
        shown = [_diagnostic(document, finding)]
        if finding.fix is not None:
            safe = finding.fix.applicability is Applicability.SAFE
            found.append(
                types.CodeAction(
                    title=f"{finding.code}: {finding.fix.title}{'' if safe else ' (unsafe)'}",
                    kind=types.CodeActionKind.QuickFix,
                    diagnostics=shown,
                    is_preferred=safe,
                    edit=document.edits(finding.fix.edits),
                )
            )
        found.append(
            types.CodeAction(
                title=f"{finding.code}: Ignore it on this line",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=shown,
                edit=document.edits(suppression_edits(document.source, [finding], "")),
            )
        )
    return [*found, *_fix_all(document)]


def _fix_all(document: Document) -> Iterator[types.CodeAction]:
    """Yield the action that makes of the text what `protolint check --fix` would."""
    if document.fixed != document.source.data:
        text = document.fixed.decode("utf-8", "replace")
        whole = [Edit(0, len(document.source.data), text)]
        yield types.CodeAction(
            title="protolint: Apply every safe fix", kind=FIX_ALL, edit=document.edits(whole)
        )


def hover(document: Document, position: types.Position) -> types.Hover | None:
    """Return the manual of the rules that found something at a position, else what is there."""
    found = list(_at(document, types.Range(position, position)))
    if not found:
        return _hover_place(document, document.offset(position))
    pages = [manual_page(find_rule(code)) for code in dict.fromkeys(f.code for f in found)]
    text = "\n\n---\n\n".join(f"```text\n{page}\n```" for page in pages)
    content = types.MarkupContent(types.MarkupKind.Markdown, text)
    return types.Hover(content, document.range(found[0].span))


def _hover_place(document: Document, offset: int) -> types.Hover | None:
    """Return what the blob or the field at an offset is."""
    if document.file is None:
        return None
    root = document.file.message.type.name
    found_here = field_said(document.source.text, offset, root)
    if found_here is None and document.net is not None:
        found_here = said(document.net, offset)
    if found_here is None:
        return None
    span, text = found_here
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), document.range(span))


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def _units(text: str, encoding: str) -> int:
    """Return the length of a text in the units of an encoding."""
    if encoding == types.PositionEncodingKind.Utf32:
        return len(text)
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
