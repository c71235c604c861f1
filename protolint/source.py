"""A file as bytes, with byte offsets turned into lines and columns at the edge."""

from __future__ import annotations

import re
from bisect import bisect_right

from protolint.record import NamedTuple

__all__ = ["BinarySource", "Position", "Source", "Span"]


#: How often a text is gone over to count its lines before a table of them pays.
_WORTH_A_TABLE = 4


class Span(NamedTuple):
    """A range of bytes of one source: `start` is included, `end` is not."""

    start: int
    end: int


class Position(NamedTuple):
    """A place as people count it: line and column, both from 1, columns in characters."""

    line: int
    column: int


class Source:
    """The bytes of one text file and its name.

    `text` holds one character per byte (latin-1), so that an index into it is a byte
    offset; only what is shown to people is decoded as UTF-8.
    """

    __slots__ = (
        "_column", "_counted", "_is_ascii", "_line_starts", "_mentioned", "_walked", "data", "path",
        "text",
    )  # fmt: skip

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.text = data.decode("latin-1")
        self._line_starts: list[int] | None = None
        #: A place whose line is known, and the bytes that were gone over to count lines.
        self._counted, self._walked = (0, 1), 0
        self._is_ascii = data.isascii()
        #: The last place asked for, and its column: the next one is mostly further on in its line.
        self._column = (0, 1)
        self._mentioned: dict[str, bool] = {}

    def __reduce__(self) -> tuple[type[Source], tuple[str, bytes]]:
        return Source, (self.path, self.data)

    def __repr__(self) -> str:
        return f"Source({self.path!r}, {len(self.data)} bytes)"

    def mentions(self, word: str) -> bool:
        """Whether some letters, such as a field's name, are anywhere in the text."""
        found = self._mentioned.get(word)
        if found is None:
            found = self._mentioned[word] = word in self.text
        return found

    @property
    def line_starts(self) -> list[int]:
        """The byte offset at which each line begins."""
        if self._line_starts is None:
            self._line_starts = [0, *[end.end() for end in re.finditer(b"\n", self.data)]]
        return self._line_starts

    def line_number(self, offset: int) -> int:
        """Return the line, counted from 1, that holds the byte at `offset`."""
        if self._line_starts is None:
            # Most are asked for in order, few in all: counting on takes less than a table.
            at, line = self._counted
            self._walked += abs(offset - at)
            if self._walked <= _WORTH_A_TABLE * len(self.data):
                if offset >= at:
                    line += self.data.count(b"\n", at, offset)
                else:
                    line -= self.data.count(b"\n", offset, at)
                self._counted = offset, line
                return line
        return bisect_right(self.line_starts, offset)

    def position(self, offset: int) -> Position:
        """Return the line and column of a byte offset; a broken UTF-8 byte is one character."""
        line = self.line_number(offset)
        if self._is_ascii:
            return Position(line, offset - self.data.rfind(b"\n", 0, offset))
        start = self.line_starts[line - 1]
        before, column = self._column
        if not start <= before <= offset:
            before, column = start, 1
        column += len(self.data[before:offset].decode("utf-8", "replace"))
        if self.data[offset : offset + 1] < b"\x80":  # A character begins here.
            self._column = offset, column
        return Position(line, column)

    def place(self, span: Span, path: str | None = None) -> str:
        """Return where a span begins, as `path:line:column`, for a reader of the path shown."""
        line, column = self.position(span.start)
        return f"{self.path if path is None else path}:{line}:{column}"

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1, without its line end; "" past the last one."""
        starts = self.line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.data)
        return self.data[starts[number - 1] : end].decode("utf-8", "replace").rstrip("\r\n")

    def decode(self, start: int, end: int) -> str:
        """Return the text of a byte range, for a message."""
        return self.data[start:end].decode("utf-8", "replace")


class BinarySource(Source):
    """A file that is no text: its name and size, and none of its bytes.

    It has no lines. Where a format must have one, every place is in line 1, column 1.
    """

    __slots__ = ("size",)

    def __init__(self, path: str, size: int) -> None:
        super().__init__(path, b"")
        self.size = size

    def place(self, _span: Span, path: str | None = None) -> str:
        """Return the path."""
        return self.path if path is None else path

    def __reduce__(self) -> tuple[type[BinarySource], tuple[str, int]]:  # type: ignore[override]
        return BinarySource, (self.path, self.size)

    def __repr__(self) -> str:
        return f"BinarySource({self.path!r}, {self.size} bytes)"

    def line_number(self, offset: int) -> int:
        """Line 1."""
        return 1

    def position(self, offset: int) -> Position:
        """Line 1, column 1."""
        return Position(1, 1)

    def decode(self, start: int, end: int) -> str:
        """Nothing: a message must not hold bytes of a binary file."""
        return ""
