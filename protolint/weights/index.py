"""The index of a caffemodel: which layer and which blob lies where.

One pass over tags and lengths; no value of any blob is read, so time grows with the
number of fields and memory with the number of layers, never with the size of the
file. Files over 2 GiB, which the protobuf library refuses, are read like any other.

A file is refused unless every length in it fits its parent. Zero bytes after the end
are accepted, as every Caffe accepts them (a zero tag ends its parser); anything else
after a zero byte is refused, although Caffe would ignore it, because a model that ends
in the middle of a file is damaged.

Field numbers: `NetParameter`, `LayerParameter`, `V1LayerParameter` and
`V0LayerParameter` in src/caffe/proto/caffe.proto @ 1.0, the same in every NVIDIA tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import islice

from protolint.caffe.field_numbers import LayerField, NetField, V0LayerField, V1LayerField
from protolint.caffe.legacy import V1_TYPES_BY_NUMBER
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.files import FileState, mapped
from protolint.weights.header import BlobHeader, read_header
from protolint.weights.kinds import format_of, guess_at
from protolint.wire import (
    LENGTH,
    VARINT,
    Buffer,
    WireError,
    WireField,
    field_at,
    fields,
    forget,
    varint,
)
from protolint.words import counted

__all__ = [
    "Generation",
    "LayerEntry",
    "ModelIndex",
    "index_file",
    "index_model",
    "shown",
]


class Generation(Enum):
    """Which message a layer is written in; the value is its field number in the outer one.

    Caffe calls the forms V0 (a V0LayerParameter inside a V1 one), V1 and, since 2014-12,
    just LayerParameter (src/caffe/util/upgrade_proto.cpp @ 1.0).
    """

    CURRENT = NetField.LAYER
    V1 = NetField.LAYERS
    V0 = V1LayerField.LAYER


class _Numbers(NamedTuple):
    """The field numbers of one generation; 0 where it has no such field."""

    name: int
    type: int
    blobs: int
    bottom: int = 0
    top: int = 0
    param: int = 0
    phase: int = 0
    batch_norm_param: int = 0


_NUMBERS = {
    Generation.CURRENT: _Numbers(
        LayerField.NAME,
        LayerField.TYPE,
        LayerField.BLOBS,
        LayerField.BOTTOM,
        LayerField.TOP,
        LayerField.PARAM,
        LayerField.PHASE,
        LayerField.BATCH_NORM_PARAM,
    ),
    Generation.V1: _Numbers(
        V1LayerField.NAME,
        V1LayerField.TYPE,
        V1LayerField.BLOBS,
        V1LayerField.BOTTOM,
        V1LayerField.TOP,
    ),
    Generation.V0: _Numbers(V0LayerField.NAME, V0LayerField.TYPE, V0LayerField.BLOBS),
}

# Bytes by which other formats are recognised.
_HEAD = 256
# Layers after which the pages read so far are given back.
_FORGET_EVERY = 128
# Fields kept for all layers together; nets have a few thousand, damaged files any number.
_MOST_FIELDS = 2_000_000
# What a layer needs besides its fields, in fields.
_LAYER_WEIGHT = 10


class LayerEntry(NamedTuple):
    """One layer of a file, as ranges of bytes of that file.

    `field` spans tag, length and message, `payload` the message alone. `type` is the
    name current Caffe uses ("Convolution"), also for V1 layers, whose number is
    translated; a V0 layer keeps its own word ("conv"). `fields` are all fields of the
    message, `inner` those of the V0 message inside it. Spans of submessages leave out
    tag and length; a `batch_norm_param` given twice is two spans, to be read in turn.
    Names that are not UTF-8 keep their bytes as surrogate escapes.
    """

    position: int
    generation: Generation
    field: Span
    payload: Span
    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    blobs: tuple[BlobHeader, ...]
    params: tuple[Span, ...]
    batch_norm_params: tuple[Span, ...]
    phase: int | None
    fields: tuple[WireField, ...]
    inner: tuple[WireField, ...] = ()

    def messages(self, number: int) -> tuple[Span, ...]:
        """Return the payloads of every length-delimited field of this number, in file order."""
        return tuple(
            Span(found.value, found.end)
            for found in self.fields
            if found.number == number and found.wire_type == LENGTH
        )


class ModelIndex(NamedTuple):
    """All layers of a caffemodel in file order, and what else the net message holds.

    `others` are the fields of NetParameter that are no layers. `end` is where the
    message ends; zero bytes may follow up to `size`.
    """

    path: str
    size: int
    end: int
    name: str
    layers: tuple[LayerEntry, ...]
    others: tuple[WireField, ...]
    state: FileState | None = None

    def named(self, name: str) -> tuple[LayerEntry, ...]:
        """Every layer of this name, in file order; Caffe lets the last one win."""
        return tuple(layer for layer in self.layers if layer.name == name)


def index_file(path: str) -> ModelIndex:
    """Return the index of the caffemodel at `path`; raises InputError.

    Raised for a file that cannot be opened, is no regular file, is not a caffemodel, is
    cut short or damaged; the message has the offset and the layer.
    """
    with mapped(path) as (data, state):
        return index_model(path, data, state)


def index_model(path: str, data: Buffer, state: FileState | None = None) -> ModelIndex:
    """Return the index of a caffemodel that is in memory or mapped; `path` is for messages only.

    Raises InputError as index_file does.
    """
    reader = _Reader(path, data)
    try:
        index = reader.read(state)
    except WireError as error:
        raise InputError(path, reader.explain(error)) from None
    # Other formats may happen to be a sequence of fields that no net has.
    other = None if index.layers else format_of(reader.head)
    if other is not None:
        raise InputError(path, f"not a caffemodel, but {other}")
    return index


def shown(name: str) -> str:
    """Return a layer name that any terminal and any encoder takes: broken bytes as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Reader:
    """One pass over one file, knowing where it is so that an error can say so."""

    def __init__(self, path: str, data: Buffer) -> None:
        self.path = path
        self.data = data
        self.size = len(data)
        self.head = bytes(data[:_HEAD])
        self.place = ""
        self.fields = 0
        self.layers: list[LayerEntry] = []

    def read(self, state: FileState | None) -> ModelIndex:
        """Return the index of the whole buffer; raises WireError."""
        data, at, name = self.data, 0, ""
        others: list[WireField] = []
        while at < self.size and data[at]:
            self.place = self.after()
            found = field_at(data, at, self.size)
            if found.number in (Generation.CURRENT.value, Generation.V1.value):
                self.layers.append(self.layer(found))
                if len(self.layers) % _FORGET_EVERY == 0:
                    forget(data)
            else:
                others.append(found)
                self.count(found, 1)
                if found.number == NetField.NAME:
                    name = self.text(found, "the net's name")
            at = found.end
        self.place = self.after()
        self.zeros(at)
        return ModelIndex(self.path, self.size, at, name, tuple(self.layers), tuple(others), state)

    def after(self) -> str:
        """Where the pass is between two layers."""
        if not self.layers:
            return ""
        return f"after layer {len(self.layers) - 1} '{shown(self.layers[-1].name)}'"

    def zeros(self, start: int) -> None:
        """Check that nothing but zero bytes follows; raises WireError."""
        for at in range(start, self.size, 1 << 20):
            piece = bytes(self.data[at : at + (1 << 20)])
            rest = piece.lstrip(b"\0")
            if rest:
                raise WireError(at + len(piece) - len(rest), "data after the end of the net")

    def layer(self, field: WireField) -> LayerEntry:
        """One layer of any generation; raises WireError."""
        position = len(self.layers)
        self.place = f"layer {position}"
        self.submessage(field, "a layer")
        outer = self.kept(field)
        generation = Generation(field.number)
        inner: tuple[WireField, ...] = ()
        if generation is Generation.V1:
            inner = tuple(self.inner(outer))
            if any(found.number == V1LayerField.LAYER for found in outer):
                generation = Generation.V0
        holder = inner if generation is Generation.V0 else outer
        own, shell = _NUMBERS[generation], _NUMBERS[Generation(field.number)]
        name = self.last_text(holder, own.name, "its name")
        self.place += f" '{shown(name)}'"
        return LayerEntry(
            position=position,
            generation=generation,
            field=Span(field.start, field.end),
            payload=Span(field.value, field.end),
            name=name,
            type=self.type(holder, own.type, generation),
            bottoms=self.texts(outer, shell.bottom, "a bottom"),
            tops=self.texts(outer, shell.top, "a top"),
            blobs=self.blobs(holder, own.blobs),
            params=self.messages(outer, shell.param, "param"),
            batch_norm_params=self.messages(outer, shell.batch_norm_param, "batch_norm_param"),
            phase=self.phase(outer, shell.phase),
            fields=outer,
            inner=inner,
        )

    def kept(self, field: WireField) -> tuple[WireField, ...]:
        """Return the fields of a message that the index keeps, while there are not too many."""
        room = _MOST_FIELDS - self.fields
        found = tuple(islice(fields(self.data, field.value, field.end), room + 1))
        self.count(field, len(found) + _LAYER_WEIGHT)
        return found

    def count(self, field: WireField, more: int) -> None:
        """Count fields that are kept; raises WireError for more than any net has."""
        self.fields += more
        if self.fields > _MOST_FIELDS:
            raise WireError(field.start, f"more than {_MOST_FIELDS} fields, as no net has")

    def inner(self, outer: tuple[WireField, ...]) -> Iterator[WireField]:
        """Yield the fields of the V0 layer inside a V1 one, if there is any."""
        for found in outer:
            if found.number == V1LayerField.LAYER:
                self.submessage(found, "a V0 layer")
                yield from self.kept(found)

    def blobs(self, holder: tuple[WireField, ...], number: int) -> tuple[BlobHeader, ...]:
        """Return the headers of the blobs of one layer."""
        headers: list[BlobHeader] = []
        place = self.place
        for found in holder:
            if found.number == number:
                self.place = f"{place}, blob {len(headers)}"
                self.submessage(found, "a blob")
                headers.append(read_header(self.data, found))
        self.place = place
        return tuple(headers)

    def messages(self, outer: tuple[WireField, ...], number: int, what: str) -> tuple[Span, ...]:
        """Return the submessages of one number, whose own fields fit too."""
        spans = []
        for found in outer:
            if number and found.number == number:
                self.submessage(found, what)
                for _ in fields(self.data, found.value, found.end):
                    pass
                spans.append(Span(found.value, found.end))
        return tuple(spans)

    def type(self, holder: tuple[WireField, ...], number: int, generation: Generation) -> str:
        """Return the type of a layer, by its current name where it is a number.

        "" if it has none.
        """
        if generation is not Generation.V1:
            return self.last_text(holder, number, "its type")
        value = 0
        for found in holder:
            if found.number == number:
                if found.wire_type != VARINT:
                    raise WireError(found.start, "its type is no number, as in `layers` it must be")
                value = found.number_value
        return V1_TYPES_BY_NUMBER.get(value, f"V1 type {value}" if value else "")

    def phase(self, outer: tuple[WireField, ...], number: int) -> int | None:
        """Return the `phase` written into a layer (0 TRAIN, 1 TEST), the last one winning."""
        values = [f.number_value for f in outer if f.number == number and f.wire_type == VARINT]
        return values[-1] if values and number else None

    def texts(self, outer: tuple[WireField, ...], number: int, what: str) -> tuple[str, ...]:
        """Every string of one number."""
        return tuple(self.text(f, what) for f in outer if number and f.number == number)

    def last_text(self, holder: tuple[WireField, ...], number: int, what: str) -> str:
        """Return the string of a field that is not repeated: the last one wins."""
        found = self.texts(holder, number, what)
        return found[-1] if found else ""

    def text(self, found: WireField, what: str) -> str:
        """Return a string field; raises WireError if it is none."""
        self.submessage(found, what)
        return bytes(self.data[found.value : found.end]).decode("utf-8", "surrogateescape")

    def submessage(self, found: WireField, what: str) -> None:
        """Check that a field has the only wire type any Caffe writes there."""
        if found.wire_type != LENGTH:
            raise WireError(
                found.start, f"{what} has wire type {found.wire_type} instead of {LENGTH}"
            )

    def explain(self, error: WireError) -> str:
        """Return the message of an error: where, what was found, what to do."""
        place = self.cut_layer(error.offset) or self.place
        place = f"byte {error.offset}" + (f" ({place})" if place else "")
        guess = None if self.layers else guess_at(self.head)
        if guess:
            return f"not a caffemodel, but {guess} ({place}: {error})"
        if not self.layers:
            return f"{place}: {error}; this is not a caffemodel, or its first layer is damaged"
        readable = counted(len(self.layers), "layer")
        return (
            f"{place}: {error}; {readable} before it can be read, the file is cut short or"
            " damaged: fetch it again, or use another snapshot"
        )

    def cut_layer(self, at: int) -> str:
        """Return the place of a layer that is longer than the rest of the file, by its name."""
        try:
            number, at = varint(self.data, at, self.size)
            _, at = varint(self.data, at, self.size)
            first = field_at(self.data, at, self.size)
        except WireError:
            return ""
        is_layer = number == Generation.CURRENT.value << 3 | LENGTH
        if not is_layer or first.number != LayerField.NAME or first.wire_type != LENGTH:
            return ""
        return f"layer {len(self.layers)} '{shown(self.text(first, 'its name'))}'"
