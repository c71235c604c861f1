"""A solver's state for the converted net: history in the new order, learned_net renamed.

`history` has one blob for each learnable blob of the net, in the order of the layers, or
two rounds of them (AdaDelta, Adam): first all of one kind, then all of the other. Blobs
that share another's memory are left out (src/caffe/solvers @ 1.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from protolint.batchnorm.base import Role
from protolint.caffe.dialect import Dialect
from protolint.caffe.field_numbers import SolverStateField
from protolint.conversion import file_refusals
from protolint.conversion.numbers.encode import LayerChange
from protolint.conversion.numbers.fields import Translator
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.weights.blobs import Form, decode_blob, encode_blob, form_of, recoded_blob
from protolint.weights.files import FileState, mapped
from protolint.weights.header import BlobHeader, read_header
from protolint.weights.index import LayerEntry
from protolint.weights.splice import Copy, Piece, message
from protolint.wire import LENGTH, VARINT, Buffer, WireError, WireField, fields, length_delimited

__all__ = [
    "ModelLayer",
    "Slot",
    "StateIndex",
    "history_map",
    "index_state",
    "model_layers",
    "new_state",
    "slots_of",
    "target_slots",
]

_ITER, _LEARNED_NET = SolverStateField.ITER, SolverStateField.LEARNED_NET
_HISTORY, _CURRENT_STEP = SolverStateField.HISTORY, SolverStateField.CURRENT_STEP


class Slot(NamedTuple):
    """One learnable blob of a net: its layer, and its role there or its number."""

    layer: str
    role: Role | int
    shape: tuple[int, ...]


class ModelLayer(NamedTuple):
    """What the order of a net's learnable blobs depends on: one layer's.

    `shared` are the names by which blobs are shared, "" for none.
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    shared: tuple[str, ...] = ()


class StateIndex(NamedTuple):
    """A binary solver state: where its fields and its history blobs lie."""

    path: str
    size: int
    learned_net: str
    history: tuple[BlobHeader, ...]
    fields: tuple[WireField, ...]
    state: FileState | None = None


def index_state(path: str) -> StateIndex:
    """Return the index of a binary solver state; raises InputError where it is none, or damaged."""
    with mapped(path) as (data, state):
        try:
            return _index(path, data, state)
        except WireError as error:
            raise InputError(path, file_refusals.damaged(error)) from None


def _index(path: str, data: Buffer, state: FileState | None) -> StateIndex:
    learned = ""
    history: list[BlobHeader] = []
    found = tuple(fields(data, 0, len(data)))
    for field in found:
        if field.number == _LEARNED_NET and field.wire_type == LENGTH:
            content = bytes(data[field.value : field.end])
            learned = content.decode("utf-8", "surrogateescape")
        elif field.number == _HISTORY:
            if field.wire_type != LENGTH:
                raise WireError(field.start, "a history blob that is no message")
            header = read_header(data, field)
            problem = header.problem()
            if problem is not None:
                place = f"history blob {len(history)}"
                text = file_refusals.damaged_blob(field.start, place, problem)
                raise InputError(path, text)
            history.append(header)
        elif field.number in (_ITER, _CURRENT_STEP) and field.wire_type != VARINT:
            raise WireError(field.start, f"field {field.number} is no number")
    return StateIndex(path, len(data), learned, tuple(history), found, state)


def model_layers(layers: Iterable[LayerEntry], data: Buffer) -> list[ModelLayer]:
    """Return the layers of a caffemodel that have blobs, in the order of the net."""
    found = []
    for layer in layers:
        if layer.blobs:
            shapes = tuple(blob.shape for blob in layer.blobs)
            found.append(ModelLayer(layer.name, shapes, _shared(data, layer)))
    return found


def _shared(data: Buffer, layer: LayerEntry) -> tuple[str, ...]:
    """Return the sharing names of a layer's blobs (ParamSpec.name), as far as there are params."""
    names = []
    for span in layer.params:
        name = ""
        for found in fields(data, span.start, span.end):
            if found.number == 1 and found.wire_type == LENGTH:
                name = bytes(data[found.value : found.end]).decode("utf-8", "surrogateescape")
        names.append(name)
    return tuple(names)


def slots_of(layers: Iterable[ModelLayer], changes: Mapping[str, LayerChange]) -> list[Slot]:
    """Return the learnable blobs of the source, in the order of its history.

    gamma and beta of a Scale layer that is merged are those of its BatchNorm.
    """
    merged = {
        change.step.scale: name for name, change in changes.items() if change.step.removes_scale
    }
    slots: list[Slot] = []
    for layer, i, shape in _learnable(layers):
        change = changes.get(layer)
        role: Role | int = i
        if change is not None:
            role = change.norm.layout.roles[i]
        elif layer in merged:
            layer, role = merged[layer], (Role.GAMMA, Role.BETA)[i]
        slots.append(Slot(layer, role, shape))
    return slots


def target_slots(layers: Iterable[ModelLayer], changes: Mapping[str, LayerChange]) -> list[Slot]:
    """Return the learnable blobs of the target, in the order of its history.

    In a binary file a BatchNorm has the order in which its blobs are written there.
    """
    gone = {c.step.scale for c in changes.values() if c.step.removes_scale}
    refilled = _refilled(changes)
    slots: list[Slot] = []
    done: set[str] = set()
    for layer, i, shape in _learnable(layers):
        change = changes.get(layer)
        if layer in gone:
            continue
        if change is None and layer in refilled:
            if layer not in done:
                done.add(layer)
                blobs = refilled[layer].made.scale or ()
                slots += (Slot(layer, at, tuple(v.shape)) for at, v in enumerate(blobs))
        elif change is None:
            slots.append(Slot(layer, i, shape))
        elif layer not in done:
            done.add(layer)
            layout = change.step.layout
            slots += (
                Slot(layer, role, tuple(values.shape))
                for role, values in zip(layout.roles, change.made.blobs, strict=True)
            )
            if change.step.adds_scale and change.made.scale is not None:
                pairs = zip((Role.GAMMA, Role.BETA), change.made.scale, strict=False)
                slots += (Slot(layer, role, tuple(values.shape)) for role, values in pairs)
    return slots


def _refilled(changes: Mapping[str, LayerChange]) -> dict[str, LayerChange]:
    """Return the Scale layers of the source that get other values, by name."""
    return {
        change.step.scale: change
        for change in changes.values()
        if change.made.scale is not None and not change.step.adds_scale
    }


def _learnable(layers: Iterable[ModelLayer]) -> Iterable[tuple[str, int, tuple[int, ...]]]:
    """Every blob that owns its memory: layer, number, shape."""
    owners: set[str] = set()
    for layer in layers:
        for i, shape in enumerate(layer.shapes):
            name = layer.shared[i] if i < len(layer.shared) else ""
            if name and name in owners:
                continue
            owners.add(name)
            yield layer.name, i, shape


def history_map(
    source: Sequence[Slot],
    target: Sequence[Slot],
    changes: Mapping[str, LayerChange],
    count: int,
    path: str,
) -> list[tuple[int | None, tuple[int, ...]]]:
    """For each history blob of the target the number of the source's, None for zeros; its shape.

    Raises InputError where `count`, the source's history blobs, is not one or two for each
    learnable blob.
    """
    rounds = count // len(source) if source else 0
    if count and (rounds not in (1, 2) or rounds * len(source) != count):
        raise InputError(path, file_refusals.history_count(count, len(source)))
    places = {(slot.layer, slot.role): i for i, slot in enumerate(source)}
    refilled = _refilled(changes)
    found: list[tuple[int | None, tuple[int, ...]]] = []
    for turn in range(rounds):
        for slot in target:
            at = places.get((slot.layer, slot.role))
            change = changes.get(slot.layer) or refilled.get(slot.layer)
            rescaled = change is not None and not change.made.gamma_kept
            if at is None or (slot.role in (Role.GAMMA, 0) and rescaled):
                found.append((None, slot.shape))
            else:
                found.append((turn * len(source) + at, slot.shape))
    return found


def new_state(
    data: Buffer,
    index: StateIndex,
    mapping: Sequence[tuple[int | None, tuple[int, ...]]],
    learned_net: str,
    target: Dialect,
    translator: Translator,
) -> list[Piece]:
    """Return the pieces of the converted state."""
    raw = target.loading.reads_raw_data
    forms = [form_of(header) for header in index.history]
    common = next((form for form in forms if form is not None), Form.DATA)
    others = [f for f in index.fields if f.number not in (_LEARNED_NET, _HISTORY)]
    changes = {
        change.start: change.pieces for change in translator.changes(data, "SolverState", others)
    }
    parts: list[tuple[int, Sequence[Piece]]] = [
        (f.number, changes.get(f.start, (Copy(f.start, f.end),))) for f in others
    ]
    if index.learned_net or learned_net:
        name = learned_net.encode("utf-8", "surrogateescape")
        parts.append((_LEARNED_NET, (length_delimited(_LEARNED_NET, name),)))
    for at, shape in mapping:
        parts.append((_HISTORY, _history(data, index, at, shape, _readable(common, raw))))
    parts.sort(key=lambda part: part[0])
    return [piece for _, pieces in parts for piece in pieces]


def _readable(form: Form, raw: bool) -> Form:
    """Return the form a target reads, as wide as the source's."""
    if raw or form in (Form.DATA, Form.DOUBLE_DATA):
        return form
    return Form.DOUBLE_DATA if form is Form.RAW_DOUBLE else Form.DATA


def _history(
    data: Buffer, index: StateIndex, at: int | None, shape: tuple[int, ...], common: Form
) -> Sequence[Piece]:
    """One history blob of the target."""
    import numpy as np

    if at is None:
        return (length_delimited(_HISTORY, encode_blob(np.zeros(shape, np.float32), common)),)
    header = index.history[at]
    form = form_of(header) or common
    raw = common in (Form.RAW_FLOAT, Form.RAW_HALF, Form.RAW_DOUBLE)
    wanted = form if raw else _readable(form, raw=False)
    if header.shape != shape:
        if header.count != int(np.prod(shape)):
            needs = int(np.prod(shape))
            raise InputError(index.path, file_refusals.other_history(at, header.count, needs))
        values = decode_blob(data, header, path=index.path, place=f"history blob {at}")
        return (length_delimited(_HISTORY, encode_blob(values, wanted, shape)),)
    if form is wanted:
        return (Copy(*header.field),)
    return message(_HISTORY, recoded_blob(header, wanted))
