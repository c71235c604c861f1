"""What a net or a solver says that the target does not know: fields, values, layer types."""

from __future__ import annotations

from collections.abc import Container, Iterator

from protolint.caffe.binder import Message
from protolint.caffe.descriptors import FieldType, MessageType, Schema, Value
from protolint.caffe.dialect import Dialect
from protolint.caffe.registry import HARMLESS_FIELDS
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.text.tree import Block, Scalar

__all__ = ["Foreign", "foreign_fields", "foreign_types"]


class Foreign(NamedTuple):
    """A field that the target lacks, or a value that its field lacks.

    `path` is how the fields above it and it itself are called, from the layer on.
    `harmless` says that the target does the same without it. `setting` is what extra-fields calls
    it, "" for a value.
    """

    path: str
    node: Scalar | Block
    harmless: bool
    setting: str = ""


_SHARED = frozenset({"transform_param", "loss_param"})


def foreign_fields(
    message: Message, target: Schema, skip: Container[int] = ()
) -> Iterator[Foreign]:
    """Every outermost thing in a message that a schema does not know, in file order.

    Messages whose place in the text begins at an offset in `skip` are not looked at.
    """
    found = _walk(message, target.messages[message.type.name], "", skip)
    yield from sorted(found, key=lambda foreign: foreign.node.start)


def _walk(
    message: Message, target: MessageType, path: str, skip: Container[int]
) -> Iterator[Foreign]:
    for name, value, node in message.items():
        if node.start in skip:
            continue
        place = f"{path}{name}"
        field, wanted = message.type.fields[name], target.fields.get(name)
        if wanted is None:
            harmless = _is_harmless(message, field, value)
            yield Foreign(place, node, harmless, f"{message.type.name}.{name}")
        elif isinstance(value, Message):
            inner = "" if name in ("layer", "layers") and not path else f"{place}."
            yield from _walk(value, wanted.message, inner, skip)
        elif field.kind == "enum" and str(value) not in wanted.enum.numbers:
            yield Foreign(f"{place}: {value!s}", node, False)


def _is_harmless(message: Message, field: FieldType, value: Message | Value) -> bool:
    owner = message.type.name
    if f"{owner}.{field.name}" in HARMLESS_FIELDS:
        return True
    if isinstance(value, Message):
        return owner == "LayerParameter" and not _is_read(message.text("type"), field.name)
    if field.repeated:
        return owner == "ConvolutionParameter" and field.name == "dilation" and value == 1
    return value == field.default


def _is_read(type: str, parameter: str) -> bool:
    """Whether a type of layer looks at a parameter message, as far as is known."""
    known = ALL_TYPES.get(type)
    return known is None or parameter in _SHARED or parameter in known.parameters


def foreign_types(net: Net, target: Dialect) -> list[Layer]:
    """Return the layers of types that the source registers and the target does not."""
    lost = net.dialect.layer_types - target.layer_types - net.custom_types
    return [layer for layer in net.layers if layer.type in lost]
