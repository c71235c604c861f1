"""What the change of a net does: to old weights, to what it computes, to training, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from protolint.caffe.binder import Message
from protolint.comparison.match import Matching, inputs_of, match, pairs_of, partner_place, place
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.states import NetState
from protolint.net.inputs import input_shapes
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.parameters import Parameter, parameters
from protolint.net.view import View
from protolint.record import NamedTuple
from protolint.words import counted

__all__ = ["Change", "Changes", "Consequence", "compare_nets"]


class Consequence(IntEnum):
    """What a change does; a larger one is a graver one."""

    TEXT = 0
    TRAINING = 1
    OUTPUT = 2
    WEIGHTS = 3

    @property
    def words(self) -> str:
        """Return the consequence as a report words it."""
        return _WORDS[self]


_WORDS = {
    Consequence.TEXT: "only text",
    Consequence.TRAINING: "another training",
    Consequence.OUTPUT: "another output",
    Consequence.WEIGHTS: "old weights do not load whole",
}


class Change(NamedTuple):
    """One change of a layer, or of the net where `layer` is "", and what it does."""

    layer: str
    what: str
    consequence: Consequence


@dataclass(frozen=True)
class Changes:
    """What changed from one net to another, the gravest first."""

    changes: tuple[Change, ...]

    @property
    def consequence(self) -> Consequence:
        """The gravest consequence; TEXT where nothing that counts has changed."""
        return max((change.consequence for change in self.changes), default=Consequence.TEXT)

    @property
    def equal(self) -> bool:
        """Whether the second net trains and computes as the first, with the same weights."""
        return self.consequence is Consequence.TEXT

    def __str__(self) -> str:
        """Return the consequence in a sentence."""
        sentence = {
            Consequence.TEXT: "the nets compute, train and load the same: only text differs",
            Consequence.TRAINING: "old weights load and give the same output; training differs",
            Consequence.OUTPUT: "old weights load, and the output is another",
            Consequence.WEIGHTS: "old weights do not load whole",
        }[self.consequence]
        return sentence if self.changes else "the nets are the same"


#: Fields of a layer that say how it is trained or fed, not what it computes from its bottoms.
_TRAINING = frozenset((
    "bias_filler", "blobs_lr", "data_filler", "data_param", "dropout_param", "filler",
    "hdf5_data_param", "image_data_param", "loss_param", "loss_weight", "memory_data_param",
    "moving_average_fraction", "param", "propagate_down", "scale_filler", "transform_param",
    "weight_decay", "weight_filler", "window_data_param",
))  # fmt: skip
#: Fields that are compared as what they mean, or mean nothing.
_ELSEWHERE = frozenset(("name", "type", "bottom", "top", "include", "exclude", "phase", "blobs"))
_TEXTUAL = frozenset(("engine", "force_backward", "debug_info"))


def compare_nets(first: Net, second: Net) -> Changes:
    """Return what changed from one net to another, by what it does, without weights or data."""
    found: dict[tuple[str, str], Change] = {}
    for phase in (TEST, TRAIN):
        views = [view for net in (first, second) if (view := _view(net, phase)) is not None]
        if not views:
            continue
        if len(views) < 2:
            which = "second" if _view(first, phase) is None else "first"
            found["", phase] = Change(
                "", f"only the {which} net is for {phase}", _in_phase(phase, Consequence.OUTPUT)
            )
            continue
        for change in _changes((first, second), views, phase):
            found.setdefault((change.layer, change.what), change)
    dims = [
        {n: s for n, s in input_shapes(net).items() if n in net.inputs} for net in (first, second)
    ]
    for (name, old), (_, new) in zip(dims[0].items(), dims[1].items(), strict=False):
        if old != new:
            found["", name] = Change("", f"input '{name}': {old} → {new}", Consequence.OUTPUT)
    ordered = sorted(found.values(), key=lambda change: -change.consequence)
    return Changes(tuple(ordered))


def _view(net: Net, phase: str) -> View | None:
    return next((view for view in net.views if view.state.phase == phase), None)


def _in_phase(phase: str, consequence: Consequence) -> Consequence:
    """Return what a change of the output is in a phase: in TRAIN, one of the training."""
    if phase == TRAIN and consequence is Consequence.OUTPUT:
        return Consequence.TRAINING
    return consequence


def _changes(nets: tuple[Net, Net], views: Sequence[View], phase: str) -> Iterator[Change]:
    found = match(views[0], views[1])
    blobs = [parameters(net, view) for net, view in zip(nets, views, strict=True)]
    for a, b in pairs_of(found):
        old, new = blobs[0].get(a.index), blobs[1].get(b.index)
        yield from _of_pair(found, (a, b), (old, new), phase)
    for side, word in ((0, "left out"), (1, "new")):
        for layer in found.alone(side):
            own = blobs[side].get(layer.index)
            yield Change(layer.name, f"{word} ({layer.type})", _alone(layer, own, side, phase))


def _alone(layer: Layer, own: tuple[Parameter, ...] | None, side: int, phase: str) -> Consequence:
    kind = ALL_TYPES.get(layer.type)
    if side == 1 and own:
        return Consequence.WEIGHTS
    judges = layer.type == "Accuracy" or (kind is not None and kind.is_loss)
    feeds = not layer.bottoms
    if phase == TEST and (judges or feeds or layer.type in ("Dropout", "Silence", "Split")):
        return Consequence.TEXT
    return _in_phase(phase, Consequence.OUTPUT)


_Blobs = tuple["tuple[Parameter, ...] | None", "tuple[Parameter, ...] | None"]


def _of_pair(
    found: Matching, layers: tuple[Layer, Layer], blobs: _Blobs, phase: str
) -> Iterator[Change]:
    a, b = layers
    old, new = blobs
    name = a.name
    if a.name != b.name:
        learns = old or new
        consequence = Consequence.WEIGHTS if learns else Consequence.TEXT
        yield Change(name, f"renamed to '{b.name}'", consequence)
    if a.type != b.type:
        yield Change(name, f"type {a.type} → {b.type}", _in_phase(phase, Consequence.OUTPUT))
    if old is not None and new is not None:
        before, after = ([str(p.shape) for p in side] for side in (old, new))
        if len(before) != len(after):
            text = f"{counted(len(before), 'blob')} → {len(after)}"
            yield Change(name, text, Consequence.WEIGHTS)
        elif before != after:
            i = next(
                i for i, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1
            )
            yield Change(name, f"blob {i}: {before[i]} → {after[i]}", Consequence.WEIGHTS)
    inputs = inputs_of(*found.views)
    sources = [
        [found.origin(side, version) for version in found.views[side].bottoms[layer.index]]
        for side, layer in enumerate(layers)
    ]
    reads = [partner_place(version, found, inputs) for version in sources[0]]
    if reads != [place(version) for version in sources[1]]:
        text = f"reads {_read(found.views[0], a)} → {_read(found.views[1], b)}"
        yield Change(name, text, _in_phase(phase, Consequence.OUTPUT))
    if a.runs_as(NetState(phase)) != b.runs_as(NetState(phase)):
        yield Change(name, "phase", _in_phase(phase, Consequence.OUTPUT))
    for path, was, now in _fields(a.message, b.message):
        names = set(path.split("."))
        if names & _ELSEWHERE and "." not in path:
            continue
        consequence = _in_phase(phase, Consequence.OUTPUT)
        if names & _TRAINING:
            consequence = Consequence.TRAINING
        elif names & _TEXTUAL:
            consequence = Consequence.TEXT
        yield Change(name, f"{path}: {was} → {now}", consequence)


def _read(view: View, layer: Layer) -> str:
    """Return what a layer reads, each blob with the layer that writes it."""
    words = []
    for bottom, version in zip(layer.bottoms, view.bottoms[layer.index], strict=True):
        maker = None if version is None else version.producer
        words.append(f"'{bottom.name}'" + (f" of '{maker.name}'" if maker is not None else ""))
    return ", ".join(words) or "nothing"


def _fields(first: Message, second: Message, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each field with another value: its path, and both values; defaults count as written."""
    for name in dict.fromkeys((*first.values, *second.values)):
        a, b = (_values(message, name) for message in (first, second))
        place = f"{path}{name}"
        for i in range(max(len(a), len(b))):
            old, new = (side[i] if i < len(side) else None for side in (a, b))
            if isinstance(old, Message) or isinstance(new, Message):
                known = old if isinstance(old, Message) else new
                assert isinstance(known, Message)
                empty = Message(known.type, None)
                sides = [one if isinstance(one, Message) else empty for one in (old, new)]
                yield from _fields(sides[0], sides[1], f"{place}.")
            elif old != new:
                yield place, _shown(old), _shown(new)


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _values(message: Message, name: str) -> list[object]:
    found: list[object] = [value for value, _ in message.values.get(name, ())]
    field = message.type.fields.get(name)
    if not found and field is not None and field.kind != "message" and not field.repeated:
        return [field.default]
    return found
