"""The net a caffemodel carries, read as if it were a prototxt.

A caffemodel holds whole layers: bottoms, tops, include and exclude rules, parameters.
Read without their blobs they make the same Net that a prototxt makes, so that one plan
serves both. Places in such a net are byte offsets in the weight file. What in a prototxt
is a comment that a layer remembers (see memory.py) is a field that no Caffe knows here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping

from protolint.batchnorm.facts import REMARK, VARIANCE_REMARK
from protolint.batchnorm.layouts import NATIVE_LAYOUTS
from protolint.batchnorm.origin import writer_of
from protolint.batchnorm.reading import Norm, read_weights
from protolint.batchnorm.stored_scales import is_without_blobs_between
from protolint.caffe.binder import Message
from protolint.caffe.build import Build
from protolint.caffe.descriptors import FieldType, Value, load_schema
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals
from protolint.conversion.decide.memory import ADDED, Memory, recall
from protolint.errors import InputError
from protolint.net.net import Net
from protolint.source import Source
from protolint.text.tree import Block, Scalar
from protolint.weights.files import mapped
from protolint.weights.index import Generation, LayerEntry, ModelIndex, index_model
from protolint.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Buffer,
    WireField,
    fields,
    length_delimited,
    signed,
    varint,
)

__all__ = ["carrier", "model_net", "net_in_weights", "net_of_model", "wire_type_of", "with_value"]

_WIRE_TYPES = {
    "double": FIXED64,
    "float": FIXED32,
    "int64": VARINT,
    "uint64": VARINT,
    "int32": VARINT,
    "uint32": VARINT,
    "bool": VARINT,
    "enum": VARINT,
}
_BLOBS = frozenset({"blobs"})


def model_net(data: Buffer, index: ModelIndex, dialect: Dialect) -> Net:
    """Return the net of a caffemodel as a dialect reads it, blobs left out.

    Fields the dialect does not know are left out too.
    """
    schema = load_schema(dialect.schema)
    net = Message(schema.messages["NetParameter"], None)
    _fill(net, data, index.others)
    for layer in index.layers:
        name = "layer" if layer.generation is Generation.CURRENT else "layers"
        node = _block(name, layer.field.start, layer.payload.start, layer.payload.end)
        message = Message(net.type.fields[name].message, node)
        _fill(message, data, layer.fields, _BLOBS)
        _add(net, name, message, node)
    return Net(net, dialect, Source(index.path, b""))


def memory_of_layer(data: Buffer, layer: LayerEntry) -> Memory | None:
    """Return what an earlier conversion has left to remember of a layer."""
    comment = comment_of_layer(data, layer)
    if not comment:
        return None
    text = f"layer {{ {comment}\n}}".encode("utf-8", "surrogateescape")
    return recall(Source("", text), _block("layer", 0, len("layer "), len(text)))


def comment_of_layer(data: Buffer, layer: LayerEntry) -> str:
    """Return the comment a layer remembers, or ""; never more than one line."""
    for found in layer.fields:
        if found.number == REMARK and found.wire_type == LENGTH:
            text = bytes(data[found.value : found.end]).decode("utf-8", "surrogateescape")
            if text != VARIANCE_REMARK:
                return text.split("\n", 1)[0] if text.startswith("#") else ""
    return ""


def is_added_layer(data: Buffer, layer: LayerEntry) -> bool:
    """Whether a conversion put the layer in."""
    return comment_of_layer(data, layer) == ADDED


def with_value(message: Message, name: str, value: Value | Message | None) -> None:
    """Set a field of a message, or clear it (None), in place of what the file says."""
    message.values.pop(name, None)
    if value is not None:
        at = message.node.start if message.node is not None else 0
        node = value.node if isinstance(value, Message) else None
        message.values[name] = [(value, node or Scalar.of(name, at, at, at, ""))]


def wire_type_of(field: FieldType) -> int:
    """Return the wire type of one value of a field."""
    return _WIRE_TYPES.get(field.kind, LENGTH)


def _fill(
    message: Message,
    data: Buffer,
    found: Iterable[WireField],
    skip: frozenset[str] = frozenset(),
) -> None:
    """Read wire fields into a message; what the schema does not know is left out."""
    numbers = {field.number: field for field in message.type.fields.values()}
    for item in found:
        field = numbers.get(item.number)
        if field is None or field.name in skip:
            continue
        for value, node in _values(data, field, item, message):
            if field.repeated:
                _add(message, field.name, value, node)
            else:
                # protobuf: the last value wins, messages given in parts are one.
                message.values[field.name] = [(value, node)]


def _values(
    data: Buffer, field: FieldType, item: WireField, holder: Message
) -> Iterator[tuple[Value | Message, Scalar | Block]]:
    """Yield the values of one wire field; none where its wire type is not that of the field."""
    wanted = wire_type_of(field)
    if field.kind == "message":
        if item.wire_type == LENGTH:
            node = _block(field.name, item.start, item.value, item.end)
            before = None if field.repeated else holder.message(field.name)
            inner = before or Message(field.message, node)
            _fill(inner, data, fields(data, item.value, item.end))
            yield inner, node
        return
    scalar = Scalar.of(field.name, item.start, item.value, item.end, "")
    if field.kind in ("string", "bytes"):
        if item.wire_type == LENGTH:
            content = bytes(data[item.value : item.end])
            text = content.decode("utf-8", "surrogateescape")
            yield (content if field.kind == "bytes" else text), scalar
    elif item.wire_type == wanted:
        raw: float = item.number_value if wanted == VARINT else _real(data, item.value, wanted)
        yield from ((value, scalar) for value in _scalar(field, raw))
    elif item.wire_type == LENGTH and field.repeated:
        at = item.value
        while at < item.end:
            if wanted == VARINT:
                raw, at = varint(data, at, item.end)
            else:
                size = 4 if wanted == FIXED32 else 8
                if at + size > item.end:
                    return
                raw, at = _real(data, at, wanted), at + size
            yield from ((value, scalar) for value in _scalar(field, raw))


def _scalar(field: FieldType, raw: float) -> Iterator[Value]:
    """Yield the value of a number; none for an enum value the schema does not know."""
    if field.kind in ("float", "double"):
        yield raw
    elif field.kind == "bool":
        yield raw != 0
    elif field.kind == "enum":
        name = field.enum.names.get(int(signed(int(raw))))
        if name is not None:
            yield name
    else:
        yield signed(int(raw)) if field.kind in ("int32", "int64") else int(raw)


def _real(data: Buffer, at: int, wire_type: int) -> float:
    """Return a float or double."""
    code, size = ("<f", 4) if wire_type == FIXED32 else ("<d", 8)
    value: float = struct.unpack(code, bytes(data[at : at + size]))[0]
    return value


def _block(name: str, start: int, value_start: int, end: int) -> Block:
    """Return a stand-in for the place of a message."""
    block = Block(name, start, value_start)
    block.end = end
    block.closed = True
    return block


def _add(message: Message, name: str, value: Value | Message, node: Scalar | Block) -> None:
    """Append a value to a repeated field."""
    message.values.setdefault(name, []).append((value, node))


def carrier(path: str) -> tuple[ModelIndex, Dialect]:
    """Return the index of a model that may carry a net, and the Caffe that wrote it."""
    weights = read_weights(path)
    if weights.index is None:
        raise InputError(path, file_refusals.no_net_in_hdf5())
    return weights.index, writer_of(weights.norms, weights.marks).dialect


def net_in_weights(path: str, dialect: Dialect) -> Source:
    """Return the net of a binary model in a dialect's words; blobs are not read.

    Raises InputError for a file that is no caffemodel, or is damaged.
    """
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        parts = [bytes(data[found.start : found.end]) for found in index.others]
        for layer in index.layers:
            blobs = {blob.field.start for blob in layer.blobs}
            kept = (
                bytes(data[found.start : found.end])
                for found in layer.fields
                if found.start not in blobs
            )
            parts.append(length_delimited(layer.generation.value, b"".join(kept)))
    message = load_schema(dialect.schema).message_class("NetParameter")()
    try:
        message.ParseFromString(b"".join(parts))
    except DecodeError:
        raise InputError(path, file_refusals.no_net_inside(dialect.name)) from None
    return Source(path, text_format.MessageToString(message, as_utf8=True).encode())


def _with_cudnn(norms: Iterable[Norm], dialect: Dialect) -> bool:
    """Whether a model comes from a Caffe with cuDNN; as most did, where nothing shows it."""
    names = {norm.layout.name for norm in norms}
    return not (dialect.engines_differ_in_layout and names and names <= set(NATIVE_LAYOUTS))


def net_of_model(
    data: Buffer, index: ModelIndex, dialect: Dialect, norms: Mapping[int, Norm]
) -> Net:
    """Return the net in a model, its BatchNorm layers described as their blobs show them to be."""
    net = model_net(data, index, dialect)
    build = Build(cudnn=_with_cudnn(norms.values(), dialect))
    layers = [entry for entry in index.layers if entry.generation.value == 100]
    found = list(zip(layers, net.message.values.get("layer", ()), strict=True))
    for entry, (message, _) in found:
        if entry.position in norms and isinstance(message, Message):
            _describe(message, norms[entry.position])
    if is_without_blobs_between(index):
        _connect({entry.name: m for entry, (m, _) in found if isinstance(m, Message)}, norms)
    return Net(net.message, dialect, net.source, build=build)


def _connect(layers: Mapping[str, Message], norms: Mapping[int, Norm]) -> None:
    """Name the blobs around each BatchNorm where a file names none.

    Its Scale layer works in place on its top; what the other layers read stays unknown.
    """
    for norm in norms.values():
        message, scale = layers.get(norm.name), layers.get(norm.facts.scale or "")
        if message is not None:
            with_value(message, "bottom", f"{norm.name}: bottom")
            with_value(message, "top", f"{norm.name}: top")
        if scale is not None:
            with_value(scale, "bottom", f"{norm.name}: top")
            with_value(scale, "top", f"{norm.name}: top")


def _describe(message: Message, norm: Norm) -> None:
    """Say in a BatchNorm layer what its blobs are."""
    fields = message.type.fields
    if "batch_norm_param" not in fields:
        return
    with_value(message, "type", "BatchNorm")
    param = message.message("batch_norm_param")
    if param is None:
        param = Message(fields["batch_norm_param"].message, message.node)
        with_value(message, "batch_norm_param", param)
    if "scale_bias" in param.type.fields:
        with_value(param, "scale_bias", True if norm.layout.affine else None)
        if not norm.layout.affine:
            with_value(param, "scale_filler", None)
            with_value(param, "bias_filler", None)
    with_value(param, "eps", norm.state.eps)
    if norm.facts.type == "BN":
        with_value(param, "moving_average_fraction", norm.facts.fraction)
