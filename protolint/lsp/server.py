"""The language server: it checks what an editor has open, whenever it changes."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import Enum
from typing import BinaryIO

from lsprotocol import types
from pygls.exceptions import FeatureNotificationError, JsonRpcInvalidParams
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
from protolint.lsp.checks import Checked, Checks
from protolint.lsp.document import Client, Document, Opened, open_document
from protolint.lsp.findings import FIX_ALL, actions, diagnostics, hover, hover_field
from protolint.lsp.neighbours import Neighbours
from protolint.lsp.tokens import KINDS
from protolint.source import Source

__all__ = ["make_server", "serve"]

_KINDS = [types.CodeActionKind.QuickFix, types.CodeActionKind.SourceFixAll, FIX_ALL]
#: What the files of nets are called; others are checked where the client says they are nets.
_ENDINGS = (".prototxt", ".pbtxt", ".pt", ".txt", "")
#: Files beside nets, whatever language an editor takes them for.
_NO_NETS = (".toml", ".py", ".md", ".json", ".yaml", ".yml", ".proto", ".cpp", ".h")
_LANGUAGES = ("prototxt", "caffe-prototxt", "pbtxt", "textproto")
_COMPLETE_AT = ['"', ":", " "]
#: Seconds without a key after which a text is checked.
_PAUSE = 0.05
#: Seconds that a hover waits for a check, to speak of findings and shapes and not of fields only.
_PATIENCE = 0.08


def serve(stream: BinaryIO) -> int:
    """Answer an editor, from standard input to a stream, until it leaves; return the exit code.

    The protocol wants 1 from a server whose client leaves without `shutdown`.
    """
    server, code = make_server(), 1

    @server.feature(types.SHUTDOWN)
    def _(*_params: object) -> None:
        nonlocal code
        code = 0

    server.start_io(stdout=stream)
    return code


def make_server() -> LanguageServer:
    """Return a server that speaks the protocol, not started yet."""
    # Whole texts only: pygls takes more than Caffe and editors do for line ends.
    server = LanguageServer(
        "protolint", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full
    )
    checks = Checks(lambda error: server.report_server_error(error, FeatureNotificationError))
    neighbours = Neighbours()

    def look_at(uri: str, pause: float = 0) -> None:
        """Check a document, in place of what is under way for it, and publish its findings."""
        text = server.workspace.get_text_document(uri)
        if _is_net(uri, text.language_id):
            path = to_fs_path(uri) or text.filename or uri
            opened = Opened(uri, text.source, text.version)
            client = Client(encoding(), takes_versions(), nets_open())
            checks.start(uri, lambda: _checked(path, opened, client, neighbours), publish, pause)

    def publish(found: Checked) -> None:
        server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(found.uri, found.diagnostics, version=found.version)
        )

    def nets_open() -> dict[str, Opened]:
        """Return the nets that the editor has open, by path."""
        found = {}
        for uri, text in server.workspace.text_documents.items():
            if _is_net(uri, text.language_id) and (path := to_fs_path(uri)):
                found[path] = Opened(uri, text.source, text.version)
        return found

    def encoding() -> str:
        return server.workspace.position_encoding or types.PositionEncodingKind.Utf16

    def takes_versions() -> bool:
        workspace = server.client_capabilities.workspace
        edits = workspace.workspace_edit if workspace is not None else None
        return edits is not None and bool(edits.document_changes)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def _(params: types.DidOpenTextDocumentParams) -> None:
        look_at(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def _(params: types.DidChangeTextDocumentParams) -> None:
        look_at(params.text_document.uri, _PAUSE)

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
        checks.close(uri)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    async def as_written(uri: str) -> Document | None:
        """Return a document with its text as it is now, and what its last check knew besides."""
        document = checks.documents.get(uri) or await checks.newest(uri)
        if document is None:
            return None
        text = server.workspace.get_text_document(uri).source
        source = Source(document.source.path, text.encode("utf-8", "surrogatepass"))
        return replace(document, source=source)

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(_COMPLETE_AT))
    async def _(params: types.CompletionParams) -> types.CompletionList | None:
        document = await as_written(params.text_document.uri)
        return completions(document, params.position) if document is not None else None

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def _(params: types.HoverParams) -> types.Hover | None:
        uri, position = params.text_document.uri, params.position
        document = await checks.newest(uri, _PATIENCE)
        if document is not None:
            return await checks.answer(hover, document, position)
        document = await as_written(uri)
        return hover_field(document, position) if document is not None else None

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(_KINDS))
    async def _(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = await checks.newest(params.text_document.uri)
        if document is None:
            return []
        # Fixes are tried, which is a check.
        found = await checks.in_turn(actions, document, params.range)
        only = params.context.only
        if only is None:
            return found
        return [a for a in found if any(_is_kind(a.kind or "", wanted) for wanted in only)]

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def _(params: types.DefinitionParams) -> list[types.Location]:
        document = await checks.newest(params.text_document.uri)
        return await checks.answer(definitions, document, params.position) if document else []

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def _(params: types.ReferenceParams) -> list[types.Location]:
        document = await checks.newest(params.text_document.uri)
        return await checks.answer(all_references, document, params.position) if document else []

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    async def _(params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
        document = await checks.newest(params.text_document.uri)
        if document is None:
            return []
        found = await checks.answer(all_references, document, params.position)
        return [types.DocumentHighlight(location.range) for location in found]

    @server.feature(types.TEXT_DOCUMENT_RENAME)
    async def _(params: types.RenameParams) -> types.WorkspaceEdit | None:
        document = await checks.newest(params.text_document.uri)
        try:
            return await checks.in_turn(renamed, document, params) if document else None
        except UsageError as error:
            raise JsonRpcInvalidParams(str(error)) from None

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def _(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        document = await checks.newest(params.text_document.uri)
        return await checks.answer(symbols, document) if document else []

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    async def _(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        document = await checks.newest(params.text_document.uri)
        return await checks.answer(folding, document) if document else []

    @server.feature(
        types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, types.SemanticTokensLegend([*KINDS], [])
    )
    async def _(params: types.SemanticTokensParams) -> types.SemanticTokens:
        document = await checks.newest(params.text_document.uri)
        return types.SemanticTokens(await checks.answer(coloured, document) if document else [])

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def _(params: types.DocumentFormattingParams) -> list[types.TextEdit]:
        document = await checks.newest(params.text_document.uri)
        return await checks.answer(layout, document) if document else []

    return server


def _checked(path: str, opened: Opened, client: Client, neighbours: Neighbours) -> Checked:
    """Return a text with its findings; what is wrong with its configuration is one of them."""
    try:
        texts = {path: one.text for path, one in client.opened.items()}
        workspace = neighbours.workspace(os.path.abspath(path), texts)
        document = open_document(opened, path, client, workspace)
    except ProtolintError as error:
        start = types.Position(0, 0)
        place = types.Range(start, start)
        failure = types.Diagnostic(place, f"not checked: {error}", source="protolint")
        return Checked(opened.uri, opened.version, [failure], None)
    return Checked(opened.uri, opened.version, diagnostics(document), document)


def _is_net(uri: str, language: str | None) -> bool:
    """Whether a document is to be checked: by its language, else by its name."""
    ending = os.path.splitext(uri.lower())[1] if uri.startswith("file:") else ""
    return ending in _ENDINGS or (language in _LANGUAGES and ending not in _NO_NETS)


def _is_kind(kind: str, wanted: str) -> bool:
    """Whether a kind of action is the wanted one or below it: `source` has `source.fixAll`."""
    name, start = (k.value if isinstance(k, Enum) else k for k in (kind, wanted))
    return name == start or name.startswith(f"{start}.")
