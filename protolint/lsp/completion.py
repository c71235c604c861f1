"""What could be written at a cursor: fields, enum values, layer types, blobs, fillers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from protolint.caffe.descriptors import FieldType, MessageType
from protolint.caffe.dialect import Dialect
from protolint.layers.catalogue import ALL_TYPES
from protolint.lsp.place import Place, field_at, message_at, place_at
from protolint.record import NamedTuple

__all__ = ["Completion", "Item", "complete"]

#: The fields that people write most, by message; the others follow in the schema's order.
_USUAL = {
    "NetParameter": "name layer input input_shape input_dim layers state",
    "LayerParameter": "name type bottom top param include transform_param loss_weight exclude "
    "phase propagate_down loss_param",
    "V1LayerParameter": "name type bottom top blobs_lr weight_decay include transform_param "
    "loss_weight exclude param",
    "ConvolutionParameter": "num_output kernel_size pad stride group bias_term weight_filler "
    "bias_filler dilation engine kernel_h kernel_w pad_h pad_w stride_h stride_w",
    "InnerProductParameter": "num_output bias_term weight_filler bias_filler axis",
    "PoolingParameter": "pool kernel_size stride pad global_pooling engine",
    "ParamSpec": "lr_mult decay_mult name",
    "FillerParameter": "type value std min max variance_norm",
    "BatchNormParameter": "use_global_stats eps moving_average_fraction engine scale_bias "
    "scale_filler bias_filler",
    "ScaleParameter": "bias_term filler bias_filler axis num_axes",
    "LRNParameter": "local_size alpha beta norm_region k",
    "DropoutParameter": "dropout_ratio",
    "EltwiseParameter": "operation coeff",
    "DataParameter": "source batch_size backend",
    "TransformationParameter": "mirror crop_size mean_file mean_value scale",
    "SolverParameter": "net base_lr lr_policy momentum weight_decay max_iter test_iter "
    "test_interval display snapshot snapshot_prefix solver_mode gamma stepsize power type "
    "stepvalue iter_size random_seed train_net test_net average_loss solver_type "
    "test_initialization device_id momentum2 delta clip_gradients debug_info",
}
_TWINS = {"_h": "w", "_w": "h"}
_SOLVERS = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
_POLICIES = ("fixed", "step", "multistep", "exp", "inv", "poly", "sigmoid")
_TOP = re.compile(r"\btop\s*:\s*[\"']([^\"'\n]+)[\"']")
_INPUT = re.compile(r"^\s*input\s*:\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE)
_STAGE = re.compile(r"\b(?:not_)?stage\s*:\s*[\"']([^\"'\n]+)[\"']")
_NUMBERS = frozenset({"int32", "int64", "uint32", "uint64", "float", "double"})


class Item(NamedTuple):
    """One proposal: what is shown and inserted, a word on it, and what it is.

    `kind` is "field", "message", "value", "type" or "blob". `text` may have a cursor mark, `$0`.
    """

    label: str
    detail: str
    kind: str
    text: str


class Completion(NamedTuple):
    """The proposals, best first, and the bytes that the chosen one replaces."""

    start: int
    end: int
    items: tuple[Item, ...]


_NOTHING = Completion(0, 0, ())


def complete(text: str, offset: int, root: MessageType, dialect: Dialect) -> Completion:
    """Return what could stand at an offset of a net or solver, whose root message is given.

    Never raises, whatever state the text is in.
    """
    place = place_at(text, offset)
    if place is None:
        return _NOTHING
    if not place.field:
        message = message_at(root, place.path)
        items = () if message is None else tuple(_fields(message, place))
        return Completion(place.start, place.end, _matching(items, place.prefix))
    field = field_at(root, place, place.field)
    if field is None:
        return _NOTHING
    return _values(text, offset, field, place, dialect)


def _matching(items: Iterable[Item], prefix: str) -> tuple[Item, ...]:
    """Return the items that begin with what is written, then those that have it inside."""
    wanted = prefix.lower()
    first = [item for item in items if item.label.lower().startswith(wanted)]
    inside = [item for item in items if wanted in item.label.lower() and item not in first]
    return (*first, *inside)


def _fields(message: MessageType, place: Place) -> list[Item]:
    """Return the fields that a message may still have, those that fit what follows first."""
    given = place.names
    usual = _USUAL.get(message.name, "").split()
    own = _parameters(message, place)
    # What a message has several times already, and the twin of a field for one side.
    counts = Counter(name for name, _ in place.fields)
    again = [name for name, count in counts.most_common() if count > 2]
    twins = [name[:-1] + _TWINS[name[-2:]] for name in given if name[-2:] in _TWINS]
    names = dict.fromkeys((*again, *twins, *own, *usual))
    order = {name: number for number, name in enumerate(names)}
    found = []
    for number, field in enumerate(message.fields.values()):
        if field.name in given and not field.repeated:
            continue
        rank = (not _fits(field, place.next), order.get(field.name, len(order) + number))
        found.append((rank, field))
    found.sort(key=lambda pair: pair[0])
    return [_field_item(field, place.next) for _, field in found]


def _parameters(message: MessageType, place: Place) -> tuple[str, ...]:
    """Return the message fields that a layer of the type at hand reads, its own first."""
    if message.name not in ("LayerParameter", "V1LayerParameter"):
        return ()
    from protolint.caffe.legacy import V1_TYPES

    written = place.value("type")
    known = ALL_TYPES.get(V1_TYPES.get(written, written))
    return () if known is None else known.parameters


def _fits(field: FieldType, following: str) -> bool:
    """Whether a field takes a value like the one that stands behind the cursor already."""
    if following in ("{", ":{"):
        return field.kind == "message"
    if following == ':"':
        return field.kind in ("string", "bytes")
    if following == ":0":
        return field.kind in _NUMBERS
    if following == ":a":
        return field.kind in ("enum", "bool")
    return True


def _field_item(field: FieldType, following: str) -> Item:
    if field.kind == "message":
        text = field.name if following else f"{field.name} {{ $0 }}"
        return Item(field.name, field.target.rpartition(".")[2], "message", text)
    kind = field.enum.name if field.kind == "enum" else field.kind
    text = field.name
    if not following:
        text += ': "$0"' if field.kind in ("string", "bytes") else ": "
    return Item(field.name, kind, "field", text)


def _values(text: str, offset: int, field: FieldType, place: Place, dialect: Dialect) -> Completion:
    """Return the values that a field may have."""
    prefix, start, end = place.prefix, place.start, place.end
    if field.kind in ("enum", "bool"):
        names = ("true", "false") if field.kind == "bool" else tuple(field.enum.numbers)
        items = [Item(name, field.name, "value", name) for name in names]
        return Completion(start, end, _matching(items, prefix))
    if field.kind != "string":
        return _NOTHING
    quote = prefix[:1] if prefix[:1] in ("'", '"') else '"'
    kind, names = _strings(text, offset, field, place, dialect)
    items = [Item(name, field.name, kind, f"{quote}{name}{quote}") for name in names]
    return Completion(start, end, _matching(items, prefix.lstrip("\"'")))


def _strings(
    text: str, offset: int, field: FieldType, place: Place, dialect: Dialect
) -> tuple[str, tuple[str, ...]]:
    """Return what kind of name a field takes, and the names that there are."""
    within = place.path[-1] if place.path else ""
    if field.name == "type" and within == "layer":
        return "type", tuple(sorted(dialect.layer_types))
    if field.name == "type" and within.endswith("filler"):
        return "value", tuple(sorted(dialect.building.fillers))
    if not place.path and field.name in ("type", "lr_policy"):
        return "value", _SOLVERS if field.name == "type" else _POLICIES
    if field.name in ("bottom", "top"):
        # The nearest above first, then those below.
        above = [*_INPUT.findall(text[:offset]), *_TOP.findall(text[:offset])]
        return "blob", tuple(dict.fromkeys([*reversed(above), *_TOP.findall(text[offset:])]))
    if field.name in ("stage", "not_stage"):
        return "value", tuple(dict.fromkeys(_STAGE.findall(text)))
    return "value", ()
