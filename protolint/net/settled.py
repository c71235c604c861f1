"""What layers that are written alike come to over the same bottoms, kept for all nets of a run.

Most layers of most nets repeat another one, of this net or of the file before: what a layer
demands and the shapes it makes are worked out once for all of them.
"""

from __future__ import annotations

from collections.abc import Hashable

from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.record import NamedTuple

__all__ = ["Alike", "Settled", "Table", "alike_in", "forget", "table_in", "written"]


class Settled(NamedTuple):
    """A layer that is built over some bottoms: the shapes it makes, and whether that is sure.

    `alone` is whether nothing but its text and its bottoms decides about it: what it shares
    with other layers, or who reads it, is still to be looked at where it is False. Of a layer
    that is not `readable` something does not fit the schema, so that its tops are not known.
    """

    bottoms: tuple[Shape, ...]
    tops: tuple[Shape, ...]
    unsure: bool
    alone: bool
    readable: bool = True


class Table:
    """What is known of layers in one kind of build, by how they are written.

    `settled` has what one comes to over bottoms of some shapes. In those of `sound` nothing is
    wrong but what such shapes make wrong, and no other layer decides about them.
    """

    __slots__ = ("settled", "sound")

    def __init__(self) -> None:
        self.settled: dict[tuple[Hashable, tuple[Shape, ...]], Settled] = {}
        self.sound: set[Hashable] = set()


#: By a function, how a layer is written, and what else the function may ask (net/facts.py); the
#: tables of a walk, too.
Alike = dict[Hashable, object]

_alike: dict[Hashable, Alike] = {}
#: A process that checks files all day forgets all at once, at about 50 MB.
_MOST = 100_000
#: Fields of a layer that say which it is and where it is, not what it is.
_NAMES = frozenset({"name", "type", "bottom", "top", "include", "exclude"})


def alike_in(build: Hashable) -> Alike:
    """Return what is known of layers by how they are written, in one build of one Caffe."""
    alike = _alike.setdefault(build, {})
    if len(alike) > _MOST:
        alike.clear()
    return alike


def table_in(alike: Alike, around: Hashable) -> Table:
    """Return what is known of layers that are set up in one kind of net."""
    key = Table, around
    table = alike.get(key)
    if not isinstance(table, Table) or len(table.settled) > _MOST:
        table = alike[key] = Table()
    return table


def forget() -> None:
    """Forget all layers, as a new process has."""
    _alike.clear()


def written(layer: Layer, text: bytes) -> Hashable:
    """Return what is written in a layer, but for names and states; None for a V0 layer.

    Layers that are built alike over the same bottoms have the same, whatever they are called.
    Of the names counts which of them are the same.
    """
    if not layer.generation:
        return None
    bottoms, tops = layer.bottom_names, layer.top_names
    same: Hashable
    if len(bottoms) == len(tops) == 1:
        same = bottoms[0] == tops[0]
    else:
        names = [*bottoms, *tops]
        same = len(bottoms), *map(names.index, names)
    model = layer.node.model
    if model is not None and not (layer.include or layer.exclude):
        # All layers that are read from the same text share it.
        return layer.generation, layer.type, same, model
    found: list[object] = [layer.generation, layer.type, same]
    start = end = -1
    for child in layer.node.children:
        if child.name not in _NAMES:
            if start < 0:
                start = child.start
            end = child.end
        elif start >= 0:
            found.append(text[start:end])
            start = -1
    if start >= 0:
        found.append(text[start:end])
    return tuple(found)
