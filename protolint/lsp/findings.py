"""Findings as the protocol has them: diagnostics, actions, and what a hover says."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from protolint.diagnostic import Diagnostic, Severity
from protolint.edit import Applicability, Edit
from protolint.lint.manual import manual_page
from protolint.lint.registry import find_rule
from protolint.lint.suppress import suppression_edits
from protolint.lsp.document import Document
from protolint.lsp.hover import describe_field
from protolint.lsp.navigation import describe_blob
from protolint.report.pages import page_url
from protolint.source import BinarySource, Span

__all__ = ["FIX_ALL", "actions", "diagnostics", "hover", "hover_field"]

#: The kind of the action that applies every safe fix.
FIX_ALL = "source.fixAll.protolint"

#: Rules on what could go without a change; editors fade it.
_UNNECESSARY = ("PL002", "BN017", "PT008")
_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}


def diagnostics(document: Document) -> list[types.Diagnostic]:
    """Return what the client shows."""
    return [_diagnostic(document, finding) for finding in document.findings]


def _diagnostic(document: Document, finding: Diagnostic) -> types.Diagnostic:
    page = page_url(finding.code)
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(
                document.uri if label.source is None else document.beside(label.source).uri,
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
    if found:
        pages = [manual_page(find_rule(code)) for code in dict.fromkeys(f.code for f in found)]
        text = "\n\n---\n\n".join(f"```text\n{page}\n```" for page in pages)
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, document.range(found[0].span))
    shown = hover_field(document, position)
    if shown is None and document.net is not None:
        shown = _hover(document, describe_blob(document.net, document.offset(position)))
    return shown


def hover_field(document: Document, position: types.Position) -> types.Hover | None:
    """Return what the field at a position is, which asks the text alone."""
    if document.file is None:
        return None
    root = document.file.message.type.name
    field = describe_field(document.source.text, document.offset(position), root)
    return _hover(document, field)


def _hover(document: Document, found: tuple[Span, str] | None) -> types.Hover | None:
    """Return a text as the hover of a range of the document."""
    if found is None:
        return None
    span, text = found
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), document.range(span))


def _key(position: types.Position) -> tuple[int, int]:
    return position.line, position.character
