"""Answers to an editor's questions on a document, in the protocol's types."""

from __future__ import annotations

from lsprotocol import types

from protolint.edit import Edit
from protolint.format.layout import formatted
from protolint.lsp.completion import Item, complete
from protolint.lsp.document import Document, place_of
from protolint.lsp.navigation import definition, folds, outline, references, rename, rename_alike
from protolint.lsp.tokens import KINDS, tokens
from protolint.net.net import Net
from protolint.source import Span
from protolint.text import parse
from protolint.text.tree import Block

__all__ = [
    "all_references", "coloured", "completions", "definitions", "folding", "layout", "renamed",
    "symbols",
]  # fmt: skip

_KINDS = {
    "field": types.CompletionItemKind.Field,
    "message": types.CompletionItemKind.Struct,
    "value": types.CompletionItemKind.EnumMember,
    "type": types.CompletionItemKind.Class,
    "blob": types.CompletionItemKind.Variable,
}


_TOKENS = {kind: number for number, kind in enumerate(KINDS)}


def completions(document: Document, position: types.Position) -> types.CompletionList | None:
    """Return what could be written at a position, in order."""
    file = document.file
    if file is None:
        return None
    offset = document.offset(position)
    found = complete(document.source.text, offset, file.message.type, file.dialect)
    place = document.range(Span(found.start, found.end))
    items = [_item(item, place, number) for number, item in enumerate(found.items)]
    return types.CompletionList(is_incomplete=False, items=items)


def _item(item: Item, place: types.Range, number: int) -> types.CompletionItem:
    snippet = "$0" in item.text
    return types.CompletionItem(
        label=item.label,
        detail=item.detail,
        kind=_KINDS[item.kind],
        sort_text=f"{number:04}",
        # Within quotes the client compares with what it replaces, quote included.
        filter_text=item.text if item.text.startswith(("'", '"')) else item.label,
        insert_text_format=(
            types.InsertTextFormat.Snippet if snippet else types.InsertTextFormat.PlainText
        ),
        text_edit=types.TextEdit(place, item.text),
    )


def definitions(document: Document, position: types.Position) -> list[types.Location]:
    """Return where the blob at a position is made."""
    net = document.net
    found = [] if net is None else definition(net, document.offset(position))
    return [types.Location(document.uri, document.range(span)) for span in found]


def all_references(document: Document, position: types.Position) -> list[types.Location]:
    """Return every place that names the blob at a position."""
    net = document.net
    found = [] if net is None else references(net, document.offset(position))
    return [types.Location(document.uri, document.range(node.span)) for node in found]


def renamed(document: Document, params: types.RenameParams) -> types.WorkspaceEdit | None:
    """Return the edits that give a blob or a layer another name; raises UsageError."""
    net = document.net
    if net is None:
        return None
    offset = document.offset(params.position)
    found = rename(net, offset, params.new_name)
    others = []
    for other in _family(document):
        spans = rename_alike(net, offset, params.new_name, other)
        others += [(other.source, Edit(span.start, span.end, text)) for span, text in spans]
    return document.edits((Edit(span.start, span.end, text) for span, text in found), others)


def _family(document: Document) -> list[Net]:
    """Return the nets of the model that a document is of, without its own."""
    file, net = document.file, document.net
    if file is None or net is None:
        return []
    readings = document.workspace.readings(document.source)
    family = document.workspace.relatives.family(readings)
    nets = [other for found in family for other in found.read(file.dialect).nets]
    return [other for other in nets if other.source.path != document.source.path]


def coloured(document: Document) -> list[int]:
    """Return the words of a text as the protocol encodes them: five numbers for each."""
    data: list[int] = []
    line = character = 0
    for token in [] if document.file is None else tokens(document.file.tree):
        row, column = place_of(document.source, token.start, document.encoding)
        size = place_of(document.source, token.end, document.encoding)[1] - column
        across = column - (character if row == line else 0)
        data += (row - line, across, size, _TOKENS[token.kind], 0)
        line, character = row, column
    return data


def symbols(document: Document) -> list[types.DocumentSymbol]:
    """Return the layers, for the outline."""
    net = document.net
    return [
        types.DocumentSymbol(
            name=symbol.name,
            detail=symbol.detail,
            kind=types.SymbolKind.Object,
            range=document.range(symbol.whole),
            selection_range=document.range(symbol.head),
        )
        for symbol in ([] if net is None else outline(net))
    ]


def folding(document: Document) -> list[types.FoldingRange]:
    """Return the blocks of more than one line."""
    file, source = document.file, document.source
    blocks = [] if file is None else [n for n in file.tree.children if isinstance(n, Block)]
    lines = [
        (source.line_number(s.start) - 1, source.line_number(s.end) - 1) for s in folds(blocks)
    ]
    return [types.FoldingRange(start, end) for start, end in lines if start < end]


def layout(document: Document) -> list[types.TextEdit]:
    """Return the edit that lays the text out as `protolint format` does; none if it is so."""
    data = formatted(parse(document.source))
    if data == document.source.data:
        return []
    whole = document.range(Span(0, len(document.source.data)))
    return [types.TextEdit(whole, data.decode("utf-8", "replace"))]
