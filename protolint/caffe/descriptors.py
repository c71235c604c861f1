"""Message and field types of one dialect, read from its compiled schema.

Schemas are read with protolint's own wire reader, a message's fields only when first
asked for: the protobuf library takes longer to import than most nets take to check. It
is used where real protobuf messages are wanted (`Schema.message_class`), in a private pool,
because every Caffe calls its package `caffe` (docs/adr/0002-private-descriptor-pools.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache, cached_property
from sys import intern
from typing import TYPE_CHECKING, Union

from protolint.errors import InputError
from protolint.text.values import BAD, integer, quoted, real
from protolint.wire import LENGTH, WireError, fields, signed, varint
from protolint.words import listed

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message as ProtobufMessage

__all__ = ["EnumType", "FieldType", "MessageType", "Schema", "Value", "load_schema", "read_schema"]

#: What a scalar field holds: an enum value is its name, a string is decoded UTF-8.
Value = Union[bool, int, float, str, bytes]

_INT32, _INT64 = (-(1 << 31), (1 << 31) - 1), (-(1 << 63), (1 << 63) - 1)
_UINT32, _UINT64 = (0, (1 << 32) - 1), (0, (1 << 64) - 1)
_RANGES = {"int32": _INT32, "int64": _INT64, "uint32": _UINT32, "uint64": _UINT64}

# FieldDescriptorProto.Type (google/protobuf/descriptor.proto). How a number is stored does not
# matter to text: fixed32 is read as uint32 is.
_KINDS = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "uint64", 7: "uint32",
    8: "bool", 9: "string", 10: "message", 11: "message", 12: "bytes", 13: "uint32", 14: "enum",
    15: "int32", 16: "int64", 17: "int32", 18: "int64",
}  # fmt: skip
_GROUP = 10

_WORDS = {
    "double": "a number", "float": "a number", "bool": "true or false",
    "string": "a string", "bytes": "a string", "message": "a message",
}  # fmt: skip


class EnumType:
    """An enum: its name without the package, and its values."""

    def __init__(self, data: bytes, name: str, start: int, end: int) -> None:
        self.name = name
        self._data = data
        self._range = (start, end)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The numbers of the values by name, in the order of the schema."""
        data = self._data
        found: dict[str, int] = {}
        for item in fields(data, *self._range):
            if item.number == 2:
                parts = {part.number: part for part in fields(data, item.value, item.end)}
                number = parts[2].number_value if 2 in parts else 0
                found[_name(data, parts[1].value, parts[1].end)] = signed(number)
        return found

    @cached_property
    def names(self) -> dict[int, str]:
        """The values by number, each the first of its number."""
        return {number: value for value, number in reversed(self.numbers.items())}


class FieldType:
    """A field of a message type.

    `kind` is the protobuf type ("int32", "float", "string", "message", "enum", ...).
    `known` remembers raw values already read; only values the parser takes are in it.
    """

    __slots__ = (
        "default_text",
        "kind",
        "known",
        "name",
        "number",
        "oneof",
        "repeated",
        "required",
        "schema",
        "target",
    )  # fmt: skip

    def __init__(
        self,
        schema: Schema,
        name: str,
        number: int,
        kind: str,
        *,
        label: int,
        target: str,
        default_text: str | None,
    ) -> None:
        self.schema = schema
        # Looked up ten thousands of times, by names in the code.
        self.name = intern(name)
        self.number = number
        self.kind = kind
        self.required = label == 2
        self.repeated = label == 3
        self.target = target
        self.default_text = default_text
        self.known: dict[str, Value] = {}
        #: The number of the oneof that it is a member of, only one of which is given.
        self.oneof: int | None = None

    @property
    def message(self) -> MessageType:
        """The type of the messages this field holds; KeyError for a scalar field."""
        return self.schema.messages[self.target]

    @property
    def enum(self) -> EnumType:
        """The enum of this field's values; KeyError for any other field."""
        return self.schema.enums[self.target]

    @property
    def takes(self) -> str:
        """What the field takes, in words."""
        if self.kind == "enum":
            names = list(self.enum.numbers)
            return f"one of {listed(names, 8)}"
        if self.kind in _RANGES:
            return "a whole number" if _RANGES[self.kind][0] else "a whole number from 0"
        return _WORDS[self.kind]

    @property
    def default(self) -> Value:
        """What the field reads as when it is not set."""
        text = self.default_text
        if self.kind in ("string", "bytes"):
            return text or "" if self.kind == "string" else (text or "").encode("latin-1")
        if self.kind == "enum":
            return text if text is not None else next(iter(self.enum.numbers))
        if self.kind == "bool":
            return text == "true"
        if self.kind in ("float", "double"):
            return float(text or 0)
        return int(text or 0)

    def read(self, raw: str) -> Value | None:
        """Return the value of a raw token, or None where Caffe's text parser refuses it.

        As protobuf's C++ parser does: no hexadecimal for a float, no quotes around an
        enum, a range for each integer.
        """
        value: Value | None
        kind = self.kind
        if kind in _RANGES:
            low, high = _RANGES[kind]
            number = integer(raw)
            value = number if number is not None and low <= number <= high else None
            if low == 0 and raw.startswith("-"):
                value = None
        elif kind in ("float", "double"):
            value = real(raw)
        elif kind == "bool":
            value = _bool(raw)
        elif kind == "enum":
            value = raw if raw in self.enum.numbers else self.enum.names.get(_or(integer(raw)))
        else:
            content = quoted(raw)
            if content is BAD:
                return None
            value = content if kind == "bytes" else utf8(content)
        if value is not None:
            self.known[raw] = value
        return value

    def guess(self, raw: str) -> Value | None:
        """Return what a value of the wrong kind was most likely meant as, or None."""
        content = quoted(raw)
        bare = raw if content is BAD else utf8(content)
        if self.kind == "string":
            return bare if bare.isidentifier() and bare.isascii() else None
        if self.kind == "enum":
            return next((name for name in self.enum.numbers if name.lower() == bare.lower()), None)
        if self.kind == "bool" and bare.lower() in ("true", "false"):
            return bare.lower() == "true"
        if bare != raw:
            return self.read(bare) if bare else None
        if self.kind in _RANGES:
            number = real(raw)
            if number is not None and number.is_integer():
                return self.read(str(int(number)))
        return None


def utf8(content: bytes) -> str:
    """Return the text of a string field, with an escape for each byte that is not UTF-8."""
    return content.decode("utf-8", "backslashreplace")


def _or(number: int | None) -> int:
    return -(1 << 40) if number is None else number


def _bool(raw: str) -> bool | None:
    if raw in ("true", "True", "t"):
        return True
    if raw in ("false", "False", "f"):
        return False
    number = None if raw.startswith("-") else integer(raw)
    return bool(number) if number in (0, 1) else None


class MessageType:
    """A message type: its name without the package ("V1LayerParameter"), and its fields."""

    def __init__(self, schema: Schema, name: str, start: int, end: int) -> None:
        self.schema = schema
        self.name = name
        self._range = (start, end)

    def __repr__(self) -> str:
        return f"MessageType({self.schema.name!r}, {self.name!r})"

    @cached_property
    def fields(self) -> dict[str, FieldType]:
        """The fields by name, in the order of the schema."""
        data = self.schema.data
        found = {}
        for item in fields(data, *self._range):
            if item.number == 2:
                field = self._field(data, item.value, item.end)
                found[field.name] = field
        return found

    @cached_property
    def _places(self) -> dict[bytes, tuple[int, int]]:
        """Where each field is described, by its name, with which that begins."""
        data = self.schema.data
        found = {}
        for item in fields(data, *self._range):
            if item.number == 2:
                name = next(fields(data, item.value, item.end))
                found[data[name.value : name.end]] = item.value, item.end
        return found

    def has_field(self, name: str) -> bool:
        """Return whether there is a field of a name; the others are not made for that."""
        written = name.encode()
        # A field begins with its name; so do the messages and enums inside.
        head = b"\x0a" + bytes([len(written)]) + written if len(written) < 0x80 else written
        if self.schema.data.find(head, *self._range) < 0:
            return False
        place = self._places.get(written)
        if place is None:
            return name in self.fields
        # A group has another name in text.
        return self._field(self.schema.data, *place).name == name

    @cached_property
    def required(self) -> list[str]:
        """The names of the fields without which the text parser refuses the message."""
        return [name for name, field in self.fields.items() if field.required]

    def _field(self, data: bytes, start: int, end: int) -> FieldType:
        name = target = ""
        number = kind = label = 0
        default: str | None = None
        oneof: int | None = None
        for item in fields(data, start, end):
            if item.number == 1:
                name = data[item.value : item.end].decode()
            elif item.number == 3:
                number = item.number_value
            elif item.number == 4:
                label = item.number_value
            elif item.number == 5:
                kind = item.number_value
            elif item.number == 6:
                target = data[item.value : item.end].decode()
            elif item.number == 7:
                default = data[item.value : item.end].decode()
            elif item.number == 9:
                oneof = item.number_value
        if kind == _GROUP:
            # In text a group has the name of its type (src/google/protobuf/text_format.cc).
            name = target.rpartition(".")[2]
        field = FieldType(
            self.schema,
            name,
            number,
            _KINDS[kind],
            label=label,
            target=target.removeprefix(self.schema.prefix),
            default_text=default,
        )
        field.oneof = oneof
        return field


class Schema:
    """Every message and enum of one dialect's caffe.proto."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self.prefix = "."
        self.messages: dict[str, MessageType] = {}
        self.enums: dict[str, EnumType] = {}
        files = [file for file in fields(data, 0, len(data)) if file.number == 1]
        # What a file imports comes before it.
        for file in reversed(files):
            self._add_file(file.value, file.end, is_main=file is files[-1])

    def __reduce__(self) -> tuple[type[Schema], tuple[str, bytes]]:
        return Schema, (self.name, self.data)

    def _add_file(self, start: int, end: int, *, is_main: bool) -> None:
        data = self.data
        items = list(fields(data, start, end))
        package = next((_name(data, i.value, i.end) for i in items if i.number == 2), "")
        prefix = f".{package}." if package else "."
        if is_main:
            self.prefix = prefix
        scope = prefix.removeprefix(self.prefix)
        for item in items:
            if item.number == 4:
                self._add_message(scope, item.value, item.end)
            elif item.number == 5:
                self._add_enum(scope, item.value, item.end)

    def _add_message(self, scope: str, start: int, end: int) -> None:
        name = scope + _named(self.data, start, end)
        self.messages[name] = MessageType(self, name, start, end)
        for number, value, after in _parts(self.data, start, end):
            if number == 3:
                self._add_message(f"{name}.", value, after)
            elif number == 4:
                self._add_enum(f"{name}.", value, after)

    def _add_enum(self, scope: str, start: int, end: int) -> None:
        name = scope + _named(self.data, start, end)
        self.enums[name] = EnumType(self.data, name, start, end)

    @cached_property
    def pool(self) -> DescriptorPool:
        """A private protobuf pool that holds this schema and nothing else."""
        from google.protobuf import descriptor_pb2, descriptor_pool

        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(self.data).file:
            pool.AddSerializedFile(file.SerializeToString())
        return pool

    def message_class(self, name: str) -> type[ProtobufMessage]:
        """Return the protobuf class of a message type.

        KeyError where the dialect has no such type.
        """
        from google.protobuf import message_factory

        descriptor = self.pool.FindMessageTypeByName(self.prefix[1:] + name)
        found: type[ProtobufMessage] = message_factory.GetMessageClass(descriptor)
        return found


def _parts(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the parts of a descriptor with a length: number, begin and end.

    The rest is passed over.

    As `wire.fields`, but quicker: a schema has a thousand fields, and most are never asked for.
    """
    at = start
    while at < end:
        tag = data[at]
        if tag & 7 == LENGTH and tag < 0x80:
            length, value = (
                varint(data, at + 1, end) if data[at + 1] > 0x7F else (data[at + 1], at + 2)
            )
            at = value + length
            yield tag >> 3, value, at
        else:
            at = next(fields(data, at, end)).end


def _named(data: bytes, start: int, end: int) -> str:
    """Return the name of a descriptor, whichever it is of: a message, an enum or a file."""
    return next(_name(data, *span) for number, *span in _parts(data, start, end) if number == 1)


def _name(data: bytes, start: int, end: int) -> str:
    return data[start:end].decode()


@cache
def load_schema(name: str) -> Schema:
    """Return the schema shipped under a name ("bvlc", "nvidia-0.15", ...); read once a process."""
    return Schema(name, _shipped()[f"protolint/{name}.proto"])


@cache
def _shipped() -> dict[str, bytes]:
    """Return every schema that is shipped, each a descriptor set, by the name of its file."""
    # Beside this module, by plain path: importlib.resources takes longer to import than a
    # small net to check.
    with open(os.path.join(os.path.dirname(__file__), "schemas.binpb"), "rb") as file:
        data = file.read()
    found, start = {}, 0
    for _, value, end in _parts(data, 0, len(data)):
        found[_named(data, value, end)], start = data[start:end], end
    return found


def read_schema(path: str) -> Schema:
    """Return the schema of a user's own caffe.proto, compiled with grpcio-tools.

    Raises InputError where the file cannot be read, does not compile, or declares no
    NetParameter and LayerParameter; and where grpcio-tools is not installed.
    """
    from protolint.caffe.compiler import compile_proto

    try:
        schema = Schema(os.path.basename(path), compile_proto(path))
    except WireError as error:
        raise InputError(path, f"the compiled schema cannot be read: {error}") from None
    missing = {"NetParameter", "LayerParameter"} - schema.messages.keys()
    if missing:
        raise InputError(
            path, f"declares no {' and no '.join(sorted(missing))}; give a caffe.proto"
        )
    return schema
