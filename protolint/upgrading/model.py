"""The upgrade of a caffemodel: layers of old generations as current ones, blobs untouched."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from protolint.caffe.descriptors import MessageType, load_schema
from protolint.caffe.dialect import Dialect
from protolint.caffe.field_numbers import LayerField, NetField, ParamField
from protolint.caffe.legacy import (
    TRANSFORM_FIELDS,
    TRANSFORMED_TYPES,
    V0_KEPT,
    V0_TYPES,
    V1_PARAM_FIELDS,
    v0_place,
)
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.upgrading.padding import PADDING, OldLayer, PaddingError, padding_read
from protolint.weights.index import Generation, LayerEntry, ModelIndex
from protolint.weights.splice import Change, Copy, Piece, changed_layer, message
from protolint.wire import (
    FIXED32,
    LENGTH,
    VARINT,
    Buffer,
    WireField,
    encode_varint,
    fields,
    float_field,
    length_delimited,
    tag,
    varint,
    varint_field,
)

__all__ = ["NewModel", "upgrade_model"]

#: A field of a message to be written: its number and its whole bytes, tag and all.
_Field = tuple[int, tuple[Piece, ...]]


class NewModel(NamedTuple):
    """The changes that bring a model to the current form, and what they drop, in words."""

    changes: tuple[Change, ...]
    losses: tuple[str, ...] = ()


def upgrade_model(data: Buffer, index: ModelIndex, dialect: Dialect) -> NewModel:
    """Return the upgrade of a model, as UpgradeNetAsNeeded makes it.

    src/caffe/util/upgrade_proto.cpp @ BVLC master. Raises InputError for what Caffe refuses.
    """
    return _Model(data, index, dialect).upgraded()


class _Model:
    """The upgrade of one model."""

    def __init__(self, data: Buffer, index: ModelIndex, dialect: Dialect) -> None:
        self.data, self.index, self.dialect = data, index, dialect
        schema = load_schema(dialect.schema)
        self.messages = schema.messages
        self.net = schema.messages["NetParameter"]
        self.new = schema.messages["LayerParameter"]
        self.old = _by_number(schema.messages["V1LayerParameter"])
        self.v0 = _by_number(schema.messages["V0LayerParameter"])
        self.losses: list[str] = []
        self.is_v0 = any(entry.generation is Generation.V0 for entry in index.layers)
        self.transforms = False

    def upgraded(self) -> NewModel:
        """Return the changes of every step."""
        changes: list[Change] = []
        current = [e for e in self.index.layers if e.generation is Generation.CURRENT]
        if len(current) < len(self.index.layers):
            changes += self._old_layers(current)
        if self.dialect.zeroes_three_params and not self.is_v0:
            changes += [change for entry in current for change in self._zeroed(entry)]
        changes += self._others()
        return NewModel(tuple(changes), tuple(self.losses))

    # Layers.

    def _old_layers(self, current: Sequence[LayerEntry]) -> list[Change]:
        path = self.index.path
        if current and not (self.is_v0 or self.dialect.drops_layers_of_mixed_nets):
            raise InputError(
                path, "has layers of V1 and of today; Caffe refuses to upgrade it, and so does this"
            )
        changes = [_gone(entry) for entry in current]
        self.losses += [f"layer '{e.name}' of today, beside old ones" for e in current]
        old = [e for e in self.index.layers if e.generation is not Generation.CURRENT]
        padded = self._padding(old) if self.is_v0 else {}
        self.transforms = any(self._is_transformed(entry) for entry in old)
        for position, entry in enumerate(old):
            if self.is_v0 and entry.generation is Generation.V0 and entry.type == PADDING:
                changes.append(_gone(entry))
                continue
            above = old[padded[position]] if position in padded else None
            made = self._from_v0(entry, above) if self.is_v0 else self._from_v1(entry)
            made.sort(key=lambda field: field[0])
            pieces = [piece for _, whole in made for piece in whole]
            changes.append(Change(*entry.field, message(NetField.LAYER, pieces)))
        return changes

    def _padding(self, old: Sequence[LayerEntry]) -> dict[int, int]:
        layers = [
            OldLayer(e.name, e.type if e.generation is Generation.V0 else "", e.bottoms, e.tops)
            for e in old
        ]
        inputs = [self._text(f) for f in self.index.others if f.number == NetField.INPUT]
        try:
            return padding_read(layers, inputs)
        except PaddingError as error:
            name = layers[error.position].name
            raise InputError(self.index.path, f"layer '{name}': {error}") from None

    def _from_v1(self, entry: LayerEntry) -> list[_Field]:
        """Return the fields of a V1 layer as those of a current one."""
        made: list[_Field] = []
        if any(self.old.get(found.number) == "type" for found in entry.fields):
            if entry.type.startswith("V1 type "):
                raise InputError(
                    self.index.path, f"layer '{entry.name}': Caffe knows no {entry.type}"
                )
            made.append(_text_field(LayerField.TYPE, entry.type))
        moves = self.transforms and entry.type in TRANSFORMED_TYPES
        moving = {TRANSFORMED_TYPES[entry.type], "transform_param"} if moves else frozenset()
        params = _Params()
        for found in entry.fields:
            name = self.old.get(found.number, "")
            if name in V1_PARAM_FIELDS:
                params.add(V1_PARAM_FIELDS[name], self._values(found))
            elif name in moving or name == "type":
                continue
            elif name:
                made.append(self._renamed(found, self.new.fields[name].number))
            else:
                self._lost(entry, f"field {found.number}")
        if moving:
            made += self._transformed(entry)
        return made + params.fields()

    def _from_v0(self, entry: LayerEntry, padding: LayerEntry | None) -> list[_Field]:
        """Return the fields of a V0 layer as those of a current one."""
        bottoms = entry.bottoms if padding is None else padding.bottoms[:1]
        made = [_text_field(LayerField.BOTTOM, name) for name in bottoms]
        made += [_text_field(LayerField.TOP, name) for name in entry.tops]
        for found in entry.fields:
            name = self.old.get(found.number, f"field {found.number}")
            if name not in ("layer", "bottom", "top"):
                self._lost(entry, name)
        if entry.generation is not Generation.V0:
            return made
        params = _Params()
        groups: dict[str, list[_Field]] = {}
        pad = self._pad(padding) if padding is not None else None
        for found in entry.inner:
            name = self.v0.get(found.number, "")
            place = v0_place(entry.type, name)
            if name == "type":
                made.append(_text_field(LayerField.TYPE, self._type(entry)))
            elif name in V1_PARAM_FIELDS:
                params.add(V1_PARAM_FIELDS[name], self._values(found))
            elif name in V0_KEPT:
                made.append(self._renamed(found, self.new.fields[name].number))
            elif place is None:
                self._lost(entry, name or f"field {found.number}")
            elif not place[1]:
                made.append(self._renamed(found, self.new.fields[place[0]].number))
            elif name != "pad" or pad is None:
                number = self._inside(place[0]).fields[place[1]].number
                groups.setdefault(place[0], []).append(self._renamed(found, number))
        if pad is not None:
            parameter, name = v0_place(entry.type, "pad") or ("", "")
            number = self._inside(parameter).fields[name].number
            groups.setdefault(parameter, []).append((number, (varint_field(number, pad),)))
        made += [self._message(name, inside) for name, inside in groups.items()]
        return made + params.fields()

    def _type(self, entry: LayerEntry) -> str:
        if entry.type not in V0_TYPES:
            raise InputError(
                self.index.path,
                f"layer '{entry.name}': '{entry.type}' is no type of a V0 layer; Caffe aborts:"
                " Unknown layer name",
            )
        return V0_TYPES[entry.type]

    def _pad(self, padding: LayerEntry) -> int:
        pads = [f.number_value for f in padding.inner if self.v0.get(f.number) == "pad"]
        return pads[-1] if pads else 0

    def _is_transformed(self, entry: LayerEntry) -> bool:
        parameter = TRANSFORMED_TYPES.get(entry.type)
        if self.is_v0 or parameter is None:
            return False
        return any(name in TRANSFORM_FIELDS for name, _ in self._inner(entry, parameter))

    def _transformed(self, entry: LayerEntry) -> list[_Field]:
        """Return data_param without the old transformation, and transform_param with it."""
        parameter = TRANSFORMED_TYPES[entry.type]
        kept: list[_Field] = []
        moved: list[_Field] = []
        numbers = self._inside("transform_param").fields
        for found in self._submessages(entry, "transform_param"):
            moved += [(0, (Copy(found.value, found.end),))]
        for name, found in self._inner(entry, parameter):
            if name in TRANSFORM_FIELDS:
                moved.append(self._renamed(found, numbers[name].number))
            else:
                kept.append((0, (Copy(found.start, found.end),)))
        return [self._message(parameter, kept), self._message("transform_param", moved)]

    def _inner(self, entry: LayerEntry, parameter: str) -> Iterator[tuple[str, WireField]]:
        """Yield the fields inside a parameter message, with their names."""
        names = _by_number(self._inside(parameter))
        for holder in self._submessages(entry, parameter):
            for found in fields(self.data, holder.value, holder.end):
                yield names.get(found.number, ""), found

    def _submessages(self, entry: LayerEntry, parameter: str) -> list[WireField]:
        return [f for f in entry.fields if self.old.get(f.number) == parameter]

    def _inside(self, parameter: str) -> MessageType:
        return self.new.fields[parameter].message

    def _message(self, parameter: str, inside: Sequence[_Field]) -> _Field:
        number = self.new.fields[parameter].number
        pieces = [piece for _, whole in inside for piece in whole]
        return number, message(number, pieces)

    def _renamed(self, found: WireField, number: int) -> _Field:
        """Return a field under another number; its value is copied."""
        head = tag(number, found.wire_type)
        if found.wire_type == LENGTH:
            head += encode_varint(found.end - found.value)
        return number, (head, Copy(found.value, found.end))

    def _values(self, found: WireField) -> list[bytes | int]:
        """Return values of a repeated field, packed or not: raw floats, strings or numbers."""
        if found.wire_type == VARINT:
            return [found.number_value]
        raw = bytes(self.data[found.value : found.end])
        if found.wire_type == FIXED32:
            return [raw]
        if self.old.get(found.number) == "param":
            return [raw]
        if self.old.get(found.number) == "blob_share_mode":
            return list(_varints(self.data, found))
        return [raw[i : i + 4] for i in range(0, len(raw), 4)]

    def _lost(self, entry: LayerEntry, what: str) -> None:
        self.losses.append(f"{what} of layer '{entry.name}'")

    def _text(self, found: WireField) -> str:
        return bytes(self.data[found.value : found.end]).decode("utf-8", "surrogateescape")

    # The net.

    def _zeroed(self, entry: LayerEntry) -> list[Change]:
        """Set the multipliers of three `param` blocks of a BatchNorm to 0."""
        params = [f for f in entry.fields if f.number == LayerField.PARAM]
        if entry.type != "BatchNorm" or len(params) != 3:
            return []
        rates = (ParamField.LR_MULT, ParamField.DECAY_MULT)
        inside = []
        for param in params:
            found = list(fields(self.data, param.value, param.end))
            values = {f.number: bytes(self.data[f.value : f.end]) for f in found}
            if any(values.get(rate, b"1").strip(b"\0") for rate in rates):
                kept: list[Piece] = [Copy(f.start, f.end) for f in found if f.number not in rates]
                kept += [float_field(rate, 0.0) for rate in rates]
                inside.append(Change(param.start, param.end, message(LayerField.PARAM, kept)))
        return [changed_layer(entry, inside)] if inside else []

    def _others(self) -> list[Change]:
        """Return what becomes of the fields of the net: inputs, and what V0 nets lose."""
        names = _by_number(self.net)
        given: dict[str, list[WireField]] = {}
        for found in self.index.others:
            given.setdefault(names.get(found.number, ""), []).append(found)
        gone: list[WireField] = []
        if self.is_v0:
            kept = ("name", "input", "input_dim", "force_backward")
            for name in [name for name in given if name not in kept]:
                gone += given.pop(name)
                self.losses.append(f"{name or 'an unknown field'} of the net")
        changes: list[Change] = []
        if given.get("input") and self.dialect.has_input_layer:
            layer = self._input_layer(given)
            changes += [Change(0, 0, layer)] if layer else []
            for name in ("input", "input_dim", "input_shape"):
                gone += given.pop(name, [])
        return [*changes, *(Change(found.start, found.end, ()) for found in gone)]

    def _input_layer(self, given: dict[str, list[WireField]]) -> tuple[Piece, ...]:
        """Return the Input layer; none where no input has a shape.

        A net in a weight file may name its inputs alone (UpgradeNetInput).
        """
        inputs = given["input"]
        shapes = [bytes(self.data[f.value : f.end]) for f in given.get("input_shape", [])]
        if not shapes:
            dims = [dim for f in given.get("input_dim", []) for dim in _varints(self.data, f)]
            if not dims:
                return ()
            if len(dims) < 4 * len(inputs):
                raise InputError(
                    self.index.path, f"{len(inputs)} inputs, but {len(dims)} input_dim"
                )
            shapes = [
                b"".join(varint_field(1, dim) for dim in dims[i : i + 4])
                for i in range(0, 4 * len(inputs), 4)
            ]
        if len(shapes) < len(inputs):
            raise InputError(
                self.index.path, f"{len(inputs)} inputs, but {len(shapes)} input_shape"
            )
        parameter = self.new.fields["input_param"].number
        written = b"".join(length_delimited(1, shape) for shape in shapes[: len(inputs)])
        body: list[Piece] = [
            length_delimited(LayerField.NAME, b"input"),
            length_delimited(LayerField.TYPE, b"Input"),
            *(length_delimited(LayerField.TOP, bytes(self.data[f.value : f.end])) for f in inputs),
            length_delimited(parameter, written),
        ]
        return message(NetField.LAYER, body)


class _Params:
    """The `param` blocks that are collected from repeated fields."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, bytes | int]] = []
        self.counts: dict[str, int] = {}

    def add(self, name: str, values: Iterable[bytes | int]) -> None:
        """Give the next blocks a field."""
        for value in values:
            i = self.counts.get(name, 0)
            self.counts[name] = i + 1
            if len(self.blocks) <= i:
                self.blocks.append({})
            self.blocks[i][name] = value

    def fields(self) -> list[_Field]:
        """Return the blocks."""
        numbers = {"name": ParamField.NAME, "share_mode": ParamField.SHARE_MODE,
                   "lr_mult": ParamField.LR_MULT, "decay_mult": ParamField.DECAY_MULT}  # fmt: skip
        found: list[_Field] = []
        for block in self.blocks:
            body = b"".join(
                _scalar(number, block[name]) for name, number in numbers.items() if name in block
            )
            found.append((LayerField.PARAM, (length_delimited(LayerField.PARAM, body),)))
        return found


def _scalar(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint_field(number, value)
    if number == ParamField.NAME:
        return length_delimited(number, value)
    return float_field(number, struct.unpack("<f", value)[0])


def _by_number(type: MessageType) -> dict[int, str]:
    return {field.number: field.name for field in type.fields.values()}


def _text_field(number: int, text: str) -> _Field:
    return number, (length_delimited(number, text.encode("utf-8", "surrogateescape")),)


def _gone(entry: LayerEntry) -> Change:
    return Change(*entry.field, ())


def _varints(data: Buffer, found: WireField) -> Iterator[int]:
    """Yield the numbers of a field, packed or not."""
    if found.wire_type == VARINT:
        yield found.number_value
        return
    at = found.value
    while at < found.end:
        value, at = varint(data, at, found.end)
        yield value
