"""Where a cursor is in a prototxt that may be half typed: the messages around it, and the field.

A scan of tokens, which no unfinished text can stop. Offsets are bytes, text has one
character per byte.
"""

from __future__ import annotations

import re

from protolint.caffe.descriptors import FieldType, MessageType
from protolint.record import NamedTuple

__all__ = ["Place", "field_at", "message_at", "place_at"]

_TOKEN = re.compile(
    r"#[^\n]*|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?|[{}<>\[\]:;,]|[^\s{}<>\[\]:;,\"'#]+"
)
_OPEN, _CLOSE = frozenset("{<"), frozenset("}>")
#: A longer text is not read as a whole, but from the last layer that begins a line.
_SHORT = 1 << 15
_LAYER = re.compile(r"layers?\s*:?\s*\{")
_OUTERMOST = re.compile(r"^(\w+)[ \t]*:[ \t]*(\S*)", re.MULTILINE)


class _Frame:
    """A message that is open: its field's name, and the fields in it with their values."""

    __slots__ = ("fields", "name", "parent")

    def __init__(self, name: str, parent: _Frame | None) -> None:
        self.name = name
        self.parent = parent
        self.fields: list[tuple[str, str]] = []


class Place(NamedTuple):
    """What is around a cursor.

    `path` are the names of the fields whose messages it is in, from the outermost. `fields` are
    the others of the innermost message, with the values of scalars as written. `field` is the
    field whose value is being written, "" where a name is. `start` to `end` is the word that the
    cursor is in or behind, `prefix` what of it stands before the cursor. `next` is how the text
    goes on: "{", ":{", ':"', ":0" for a number, ":a" for a word, or "".
    """

    path: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    field: str
    start: int
    end: int
    prefix: str
    next: str

    @property
    def names(self) -> frozenset[str]:
        """The fields that the innermost message has already."""
        return frozenset(name for name, _ in self.fields)

    def value(self, name: str) -> str:
        """Return the value of another field of the message, without quotes; "" for none."""
        found = (value for field, value in self.fields if field == name)
        return next(found, "").strip("\"'")


def place_at(text: str, offset: int) -> Place | None:
    """Return what is around an offset; None in a comment."""
    frame = outermost = _Frame("", None)
    field, colon = "", -1
    here: tuple[_Frame, str, int, int] | None = None
    is_long = len(text) > _SHORT
    for match in _TOKEN.finditer(text, _begin(text, offset) if is_long else 0):
        token, start, end = match[0], match.start(), match.end()
        word = token[0] not in "{}<>[]:;,#"
        if here is None and end >= offset and (start >= offset or word or token[0] == "#"):
            if token[0] == "#" and start < offset:
                return None
            inside = word and start < offset
            begins = start if inside else offset
            valued = colon >= 0 and "\n" not in text[colon:begins]
            here = (frame, field if valued else "", begins, end if inside else offset)
            if inside and start < offset and not valued and token[0] in "\"'":
                return None
            if inside:
                # The word at the cursor is what is asked for.
                if not valued:
                    field = token
                colon = -1
                continue
        elif here is not None and (_is_closed(here[0], frame) or (is_long and not here[0].parent)):
            break
        if token == ":":
            colon = end
        elif token in _OPEN:
            frame.fields.append((field, ""))
            frame = _Frame(field, frame)
            field, colon = "", -1
        elif token in _CLOSE:
            frame = frame.parent or outermost
            field, colon = "", -1
        elif word:
            if colon >= 0 and "\n" not in text[colon:start]:
                frame.fields.append((field, token))
                colon = -1
            else:
                field, colon = token, -1
    if here is None:
        valued = colon >= 0 and "\n" not in text[colon:offset]
        here = (frame, field if valued else "", offset, offset)
    found, name, start, end = here
    path: list[str] = []
    at: _Frame | None = found
    while at is not None and at.parent is not None:
        path.append(at.name)
        at = at.parent
    if is_long and found is outermost:
        found.fields = [
            (m[1], m[2]) for m in _OUTERMOST.finditer(text) if not m.start() <= offset <= m.end()
        ]
    fields = tuple(found.fields)
    return Place(
        tuple(reversed(path)), fields, name, start, end, text[start:offset], _next(text, end)
    )


def _begin(text: str, offset: int) -> int:
    """Return where the last layer that begins a line before an offset is, 0 for none."""
    at = offset
    while at > 0:
        at = text.rfind("\nlayer", 0, at)
        if at >= 0 and _LAYER.match(text, at + 1):
            return at + 1
    return 0


def _is_closed(frame: _Frame, now: _Frame) -> bool:
    """Whether a message is closed: the scan is in none of its own."""
    at: _Frame | None = now
    while at is not None:
        if at is frame:
            return False
        at = at.parent
    return True


_NEXT = re.compile(r"[ \t]*(:?)[ \t\r\n]*([^\s])?")


def _next(text: str, end: int) -> str:
    """Return how the text goes on behind a word, see Place.next."""
    match = _NEXT.match(text, end)
    if match is None:
        return ""
    colon, first = match[1], match[2] or ""
    if first in _OPEN and first:
        return "{" if not colon else ":{"
    if not colon or not first or "\n" in match[0]:
        return ""
    if first in "\"'":
        return ':"'
    return ":0" if first in "-.0123456789" else ":a"


def message_at(root: MessageType, path: tuple[str, ...]) -> MessageType | None:
    """Return the type of the message that a path leads to; None where a field is unknown."""
    at = root
    for name in path:
        field = at.fields.get(name)
        if field is None or field.kind != "message":
            return None
        at = field.message
    return at


def field_at(root: MessageType, place: Place, name: str) -> FieldType | None:
    """Return a field of the innermost message, None where it has none of that name."""
    message = message_at(root, place.path)
    return None if message is None else message.fields.get(name)
