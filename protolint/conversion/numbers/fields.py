"""Fields whose numbers mean different things in two Caffes, translated by name.

LayerParameter 145 is forward_type in NVIDIA 0.16 and parameter_param in BVLC; other
messages have such pairs too. A field that the target knows under another number gets
that number; one whose number the target uses for something else is dropped and reported;
everything else, unknown fields of forks included, stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from protolint.caffe.descriptors import FieldType, MessageType, Schema, load_schema
from protolint.caffe.registry import FOREIGN
from protolint.conversion.numbers.embedded_net import wire_type_of
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.splice import Change, Copy, Piece, message, spliced
from protolint.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Buffer,
    WireField,
    fields,
    tag,
)

__all__ = ["Translator"]


class _Meaning(NamedTuple):
    """What a field number of the source means."""

    field: FieldType
    own: bool


class Translator:
    """Translates messages of one schema to another; fates are worked out once a field."""

    def __init__(self, source: Schema, target: Schema) -> None:
        self.source = source
        self.target = target
        self.renumbered: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self._meanings: dict[tuple[str, int, int], _Meaning | None] = {}
        self._numbers: dict[tuple[str, str], dict[int, FieldType]] = {}
        self._alike: dict[str, bool] = {}

    def _schemas(self) -> Iterator[Schema]:
        """Yield the source's schema, and those of others as they are asked for."""
        yield self.source
        for dialect in FOREIGN:
            if dialect.schema != self.source.name:
                yield load_schema(dialect.schema)

    @property
    def same(self) -> bool:
        """Whether there is nothing to translate."""
        return self.source is self.target

    def changes(
        self,
        data: Buffer,
        type: str,
        found: Iterable[WireField],
        *,
        skip: frozenset[int] = frozenset(),
        top: bool = True,
    ) -> list[Change]:
        """Return what to change among the fields of a message of a type, counted in the totals.

        `top` messages also lose the settings (numbers, not messages) that the target
        lacks: they say who wrote the file, and the target writes none.
        """
        result: list[Change] = []
        if self.same or type not in self.target.messages:
            return result
        for field in found:
            if field.number not in skip:
                change = self._change(data, type, field, top)
                if change is not None:
                    result.append(change)
        return result

    def _change(self, data: Buffer, type: str, field: WireField, top: bool) -> Change | None:
        """Return the change of one field; None where it stays as it is."""
        at_target = self._by_number(self.target, type).get(field.number)
        meaning = self._meaning(type, field)
        if meaning is None:
            if at_target is None or not _fits(at_target, field.wire_type):
                return None
            self.dropped[f"field {field.number} of {type}"] += 1
            return Change(field.start, field.end, ())
        name = meaning.field.name
        wanted = self.target.messages[type].fields.get(name)
        if wanted is None or wire_type_of(wanted) != wire_type_of(meaning.field):
            taken = at_target is not None
            setting = top and meaning.own and field.wire_type != LENGTH
            if not taken and not setting:
                return None
            self.dropped[name] += 1
            return Change(field.start, field.end, ())
        inside = self._inside(data, meaning.field, field)
        if wanted.number == field.number and not inside:
            return None
        if wanted.number != field.number:
            self.renumbered[name] += 1
        if field.wire_type != LENGTH:
            head = tag(wanted.number, field.wire_type)
            return Change(field.start, field.end, (head, Copy(field.value, field.end)))
        inner: list[Piece] = spliced(Span(field.value, field.end), inside)
        return Change(field.start, field.end, message(wanted.number, inner))

    def _inside(self, data: Buffer, meant: FieldType, field: WireField) -> list[Change]:
        """Return the changes inside a field that holds a message."""
        if meant.kind != "message" or self._is_alike(meant.target):
            return []
        return self.changes(data, meant.target, fields(data, field.value, field.end), top=False)

    def _is_alike(self, type: str) -> bool:
        """Whether no number of a message type can be misread in the target."""
        known = self._alike.get(type)
        if known is None:
            self._alike[type] = True  # a message that holds itself ends here
            known = type not in self.target.messages or all(
                self._field_alike(type, field)
                for schema in self._schemas()
                if type in schema.messages
                for field in schema.messages[type].fields.values()
            )
            self._alike[type] = known
        return known

    def _field_alike(self, type: str, field: FieldType) -> bool:
        other = self._by_number(self.target, type).get(field.number)
        named = self.target.messages[type].fields.get(field.name)
        if other is None:
            return named is None
        if other.name != field.name:
            return False
        return field.kind != "message" or self._is_alike(field.target)

    def _meaning(self, type: str, field: WireField) -> _Meaning | None:
        """Return what the field is: by the source's schema, else by whoever has such a field."""
        key = (type, field.number, field.wire_type)
        if key not in self._meanings:
            self._meanings[key] = self._look_up(type, field)
        return self._meanings[key]

    def _look_up(self, type: str, field: WireField) -> _Meaning | None:
        for schema in self._schemas():
            if type in schema.messages:
                meant = self._by_number(schema, type).get(field.number)
                if meant is not None and _fits(meant, field.wire_type):
                    return _Meaning(meant, schema is self.source)
        return None

    def _by_number(self, schema: Schema, type: str) -> dict[int, FieldType]:
        key = (schema.name, type)
        known = self._numbers.get(key)
        if known is None:
            holder: MessageType = schema.messages[type]
            known = {field.number: field for field in holder.fields.values()}
            self._numbers[key] = known
        return known


def _fits(field: FieldType, wire_type: int) -> bool:
    """Whether a field may have this wire type; repeated numbers may be packed."""
    own = wire_type_of(field)
    packed = field.repeated and own in (VARINT, FIXED32, FIXED64) and wire_type == LENGTH
    return own == wire_type or packed
