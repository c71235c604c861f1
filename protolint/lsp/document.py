"""A text that an editor has open: what was found in it, and its places in the editor's units.

Language Server Protocol 3.17: lines and characters count from 0, and a character is a UTF-16
code unit unless client and server agree on another encoding.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from lsprotocol import types

from protolint.diagnostic import Diagnostic
from protolint.edit import Edit
from protolint.errors import ProtolintError
from protolint.lint.baseline import read_baseline
from protolint.lint.check_text import check_source
from protolint.lint.file_report import FileReport
from protolint.lint.fixer import fix_source
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.workspace.reading import LintFile
from protolint.workspace.workspace import Workspace

__all__ = ["Client", "Document", "Opened", "offset_of", "open_document", "place_of"]


class Opened(NamedTuple):
    """A text as an editor has it open."""

    uri: str
    text: str
    version: int | None = None


class Client(NamedTuple):
    """What an editor wants: the units of positions, and versions with its edits.

    `opened` are the nets that it has open, by path.
    """

    encoding: str = types.PositionEncodingKind.Utf16
    takes_versions: bool = False
    opened: Mapping[str, Opened] = MappingProxyType({})


@dataclass(frozen=True)
class Document:
    """A text that an editor has open, and what was found in it.

    `several`: it is checked for several targets, so that a fix for one may be wrong.
    """

    opened: Opened
    source: Source
    findings: tuple[Diagnostic, ...]
    client: Client
    several: bool = False
    file: LintFile | None = None
    workspace: Workspace = field(default_factory=Workspace)

    @property
    def uri(self) -> str:
        """The address of the document."""
        return self.opened.uri

    @property
    def encoding(self) -> str:
        """The units in which the client counts characters."""
        return self.client.encoding

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
        start, end = (place_of(source, at, self.encoding) for at in span)
        return types.Range(types.Position(*start), types.Position(*end))

    def beside(self, source: Source) -> Opened:
        """Return a file beside the document as the editor has it open, or as it is on disk."""
        path = os.path.abspath(source.path)
        return self.client.opened.get(path) or Opened(Path(path).as_uri(), "")

    def edits(
        self, edits: Iterable[Edit], others: Iterable[tuple[Source, Edit]] = ()
    ) -> types.WorkspaceEdit:
        """Edits of this text, and of files beside it, with the versions that they are for."""
        found = {self.opened: [self._text_edit(self.source, edit) for edit in edits]}
        for source, edit in others:
            found.setdefault(self.beside(source), []).append(self._text_edit(source, edit))
        if not self.client.takes_versions:
            return types.WorkspaceEdit(changes={one.uri: changes for one, changes in found.items()})
        return types.WorkspaceEdit(
            document_changes=[
                types.TextDocumentEdit(
                    types.OptionalVersionedTextDocumentIdentifier(one.uri, one.version), changes
                )
                for one, changes in found.items()
            ]
        )

    def _text_edit(self, source: Source, edit: Edit) -> types.TextEdit:
        return types.TextEdit(self.range(Span(edit.start, edit.end), source), edit.text)


def open_document(
    opened: Opened, path: str, client: Client, workspace: Workspace | None = None
) -> Document:
    """Return a text with its findings, as `protolint check` on its folder would have them.

    What the configuration excludes has none, and what its baseline lets pass is not among
    them. Raises ProtolintError for a configuration or a baseline that is wrong.
    """
    source = Source(path, opened.text.encode("utf-8", "surrogatepass"))
    workspace = Workspace() if workspace is None else workspace
    settings = workspace.settings(path)
    if settings.excludes(path):
        return Document(opened, source, (), client)
    reports: Sequence[FileReport] = check_source(workspace, source)
    if settings.baseline is not None:
        reports, _ = read_baseline(settings.baseline).new(reports, lambda *_: False)
    found = tuple(finding for report in reports for finding in report.diagnostics)
    targets = len({report.target.dialect.name for report in reports})
    file = workspace.read(source)
    return Document(opened, source, found, client, targets > 1, file, workspace)


def place_of(source: Source, offset: int, encoding: str) -> tuple[int, int]:
    """Return the line and the character of an offset."""
    line = source.line_number(offset)
    start = source.line_starts[line - 1]
    if source.data[start:offset].isascii():
        return line - 1, offset - start
    return line - 1, _units(source.decode(start, offset), encoding)


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


def _units(text: str, encoding: str) -> int:
    """Return the length of a text in the units of an encoding."""
    if encoding == types.PositionEncodingKind.Utf32:
        return len(text)
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
