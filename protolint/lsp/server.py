"""The language server: it checks what an editor has open, whenever it changes."""

from __future__ import annotations

from enum import Enum

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from protolint import __version__
from protolint.errors import ProtolintError
from protolint.lsp.findings import FIX_ALL, Document, actions, diagnostics, hover, open_document

__all__ = ["make_server"]

_KINDS = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll, FIX_ALL]
#: Files beside nets that a client may open with them.
_NO_NETS = (".toml", ".py", ".md", ".json", ".yaml", ".yml")


def make_server() -> LanguageServer:
    """Return a server that speaks the protocol, not started yet."""
    # Whole texts only: pygls takes more than Caffe and editors do for line ends.
    server = LanguageServer(
        "protolint", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full
    )
    documents: dict[str, Document] = {}

    def look_at(uri: str) -> None:
        """Check a document and publish its findings."""
        if uri.lower().endswith(_NO_NETS):
            return
        text = server.workspace.get_text_document(uri)
        encoding = server.workspace.position_encoding or types.PositionEncodingKind.Utf16
        path = to_fs_path(uri) or text.filename or uri
        found: list[types.Diagnostic] = []
        documents.pop(uri, None)
        try:
            document = open_document(uri, path, text.source, encoding)
        except ProtolintError as error:
            start = types.Position(0, 0)
            place = types.Range(start, start)
            found = [types.Diagnostic(place, f"not checked: {error}", source="protolint")]
        else:
            documents[uri] = document
            found = diagnostics(document)
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, found, version=text.version)
        )

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        look_at(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _(params: types.DidChangeTextDocumentParams) -> None:
        look_at(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def _(_params: types.DidSaveTextDocumentParams) -> None:
        # A configuration, or the net that a solver names, may be what was saved.
        for uri in list(server.workspace.text_documents):
            look_at(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        documents.pop(uri, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(_KINDS))
    def _(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = documents.get(params.text_document.uri)
        if document is None:
            return []
        found = actions(document, params.range)
        only = params.context.only
        if only is None:
            return found
        return [a for a in found if any(_is_kind(a.kind or "", wanted) for wanted in only)]

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _(params: types.HoverParams) -> types.Hover | None:
        document = documents.get(params.text_document.uri)
        return hover(document, params.position) if document is not None else None

    return server


def _is_kind(kind: str, wanted: str) -> bool:
    """Whether a kind of action is the wanted one or below it: `source` has `source.fixAll`."""
    name, start = (k.value if isinstance(k, Enum) else k for k in (kind, wanted))
    return name == start or name.startswith(f"{start}.")
