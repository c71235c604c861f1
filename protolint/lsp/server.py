"""The language server: it checks what an editor has open, whenever it changes."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from enum import Enum

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from protolint import __version__
from protolint.errors import ProtolintError, UsageError
from protolint.lsp.answers import (
    all_references,
    coloured,
    completions,
    definitions,
    folding,
    layout,
    renamed,
    symbols,
)
from protolint.lsp.findings import FIX_ALL, Document, actions, diagnostics, hover, open_document
from protolint.lsp.neighbours import Neighbours
from protolint.lsp.tokens import KINDS
from protolint.source import Source

__all__ = ["make_server"]

_KINDS = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll, FIX_ALL]
#: What the files of nets are called; others are checked where the client says they are nets.
_ENDINGS = (".prototxt", ".pbtxt", ".pt", ".txt", "")
#: Files beside nets, whatever language an editor takes them for.
_NO_NETS = (".toml", ".py", ".md", ".json", ".yaml", ".yml", ".proto", ".cpp", ".h")
_LANGUAGES = ("prototxt", "caffe-prototxt", "pbtxt", "textproto")
#: Seconds without a key after which a text is checked.
_PAUSE = 0.05


def make_server() -> LanguageServer:
    """Return a server that speaks the protocol, not started yet."""
    # Whole texts only: pygls takes more than Caffe and editors do for line ends.
    server = LanguageServer(
        "protolint", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full
    )
    documents: dict[str, Document] = {}
    waiting: dict[str, asyncio.TimerHandle] = {}
    neighbours = Neighbours()

    def look_at(uri: str) -> None:
        """Check a document and publish its findings."""
        if uri in waiting:
            waiting.pop(uri).cancel()
        text = server.workspace.get_text_document(uri)
        if not _is_net(uri, text.language_id):
            return
        encoding = _encoding()
        path = to_fs_path(uri) or text.filename or uri
        found: list[types.Diagnostic] = []
        documents.pop(uri, None)
        try:
            workspace = neighbours.workspace(os.path.abspath(path), open_texts())
            document = open_document(uri, path, text.source, encoding, workspace)
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

    def open_texts() -> dict[str, str]:
        """Return the nets that the editor has open, by path."""
        found = server.workspace.text_documents.items()
        paths = {uri: to_fs_path(uri) for uri, text in found if _is_net(uri, text.language_id)}
        return {
            path: server.workspace.text_documents[u].source for u, path in paths.items() if path
        }

    def _encoding() -> str:
        return server.workspace.position_encoding or types.PositionEncodingKind.Utf16

    def current(uri: str) -> Document | None:
        """Return a document as it is now, checked at once if it waits for a pause."""
        if uri in waiting:
            look_at(uri)
        return documents.get(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        look_at(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _(params: types.DidChangeTextDocumentParams) -> None:
        # Only the newest version is checked, when the keys pause.
        uri = params.text_document.uri
        if uri in waiting:
            waiting.pop(uri).cancel()
        waiting[uri] = asyncio.get_running_loop().call_later(_PAUSE, look_at, uri)

    def look_at_all() -> None:
        # A configuration, or the net that a solver names, may be what was saved.
        neighbours.forget()
        for uri in list(server.workspace.text_documents):
            look_at(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def _(_params: types.DidSaveTextDocumentParams) -> None:
        look_at_all()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def _(_params: types.DidChangeWatchedFilesParams) -> None:
        look_at_all()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def _(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        documents.pop(uri, None)
        if uri in waiting:
            waiting.pop(uri).cancel()
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(_KINDS))
    def _(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = current(params.text_document.uri)
        if document is None:
            return []
        found = actions(document, params.range)
        only = params.context.only
        if only is None:
            return found
        return [a for a in found if any(_is_kind(a.kind or "", wanted) for wanted in only)]

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def _(params: types.HoverParams) -> types.Hover | None:
        document = current(params.text_document.uri)
        return hover(document, params.position) if document is not None else None

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=['"', ":", " "])
    )
    def _(params: types.CompletionParams) -> types.CompletionList | None:
        # The text as it is now; what is known of the file may be of a moment ago.
        uri = params.text_document.uri
        document = documents.get(uri)
        if document is None or document.file is None:
            return None
        text = server.workspace.get_text_document(uri).source
        source = Source(document.source.path, text.encode("utf-8", "surrogatepass"))
        return completions(replace(document, source=source), params.position)

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def _(params: types.DefinitionParams) -> list[types.Location]:
        document = current(params.text_document.uri)
        return [] if document is None else definitions(document, params.position)

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def _(params: types.ReferenceParams) -> list[types.Location]:
        document = current(params.text_document.uri)
        return [] if document is None else all_references(document, params.position)

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def _(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        document = current(params.text_document.uri)
        found = [] if document is None else all_references(document, params.position)
        return [types.DocumentHighlight(location.range) for location in found]

    @server.feature(types.TEXT_DOCUMENT_RENAME)
    def _(params: types.RenameParams) -> types.WorkspaceEdit | None:
        document = current(params.text_document.uri)
        try:
            return None if document is None else renamed(document, params)
        except UsageError as error:
            raise JsonRpcInvalidParams(str(error)) from None

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def _(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = current(params.text_document.uri)
        return [] if document is None else symbols(document)

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def _(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        document = current(params.text_document.uri)
        return [] if document is None else folding(document)

    @server.feature(
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, types.SemanticTokensLegend([*KINDS], [])
    )
    def _(params: types.SemanticTokensParams) -> types.SemanticTokens:
        document = current(params.text_document.uri)
        return types.SemanticTokens(data=[] if document is None else coloured(document))

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def _(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        document = current(params.text_document.uri)
        return [] if document is None else layout(document)

    return server


def _is_net(uri: str, language: str | None) -> bool:
    """Whether a document is to be checked: by its language, else by its name."""
    ending = os.path.splitext(uri.lower())[1] if uri.startswith("file:") else ""
    return ending in _ENDINGS or (language in _LANGUAGES and ending not in _NO_NETS)


def _is_kind(kind: str, wanted: str) -> bool:
    """Whether a kind of action is the wanted one or below it: `source` has `source.fixAll`."""
    name, start = (k.value if isinstance(k, Enum) else k for k in (kind, wanted))
    return name == start or name.startswith(f"{start}.")
