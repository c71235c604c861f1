"""What layers that are written alike come to over the same bottoms, kept for all nets of a run.

Most layers of most nets repeat another one, of this net or of the file before: what a layer
demands and the shapes it makes are worked out once for all of them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.record import NamedTuple

__all__ = ["Alike", "Settled", "Table", "alike_in", "forget", "table_for", "written"]

_T = TypeVar("_T")


class Settled(NamedTuple):
    """A layer that is built: the shapes it makes, and whether that is sure.

    `alone` is whether nothing but its text and its bottoms decides about it: what it shares
    with other layers, or who reads it, is still to be looked at where it is False. Of a layer
    that is not `readable` something does not fit the schema, so that its tops are not known.
    """

    tops: list[Shape]
    unsure: bool
    alone: bool
    readable: bool = True


#: By how a layer is written, and the shapes of its bottoms.
Table = dict[Hashable, Settled]
#: By a function, how a layer is written, and what else the function may ask (net/facts.py).
Alike = dict[Hashable, object]

_tables: dict[Hashable, Table] = {}
_alike: dict[Hashable, Alike] = {}
#: A process that checks files all day forgets all at once, at about 50 MB.
_MOST = 100_000
#: Fields of a layer that say which it is and where it is, not what it is.
_NAMES = frozenset({"name", "type", "bottom", "top", "include", "exclude"})


def table_for(build: Hashable) -> Table:
    """Return what is known of layers in one kind of build."""
    return _kept(_tables, build)


def alike_in(build: Hashable) -> Alike:
    """Return what is known of layers by how they are written, in one build of one Caffe."""
    return _kept(_alike, build)


def _kept(tables: dict[Hashable, dict[Hashable, _T]], build: Hashable) -> dict[Hashable, _T]:
    table = tables.setdefault(build, {})
    if len(table) > _MOST:
        table.clear()
    return table


def forget() -> None:
    """Forget all layers, as a new process has."""
    _tables.clear()
    _alike.clear()


def written(layer: Layer, text: bytes) -> Hashable:
    """Return what is written in a layer, but for names and states; None for a V0 layer.

    Layers that are built alike over the same bottoms have the same, whatever they are called.
    Of the names counts which of them are the same.
    """
    if not layer.generation:
        return None
    found: list[object] = [layer.generation, layer.type]
    bottoms, tops = layer.bottoms, layer.tops
    if len(bottoms) == len(tops) == 1:
        found.append(bottoms[0].name == tops[0].name)
    else:
        names = [blob.name for blob in (*bottoms, *tops)]
        found += (len(bottoms), *map(names.index, names))
    model = layer.node.model
    if model is not None and not (layer.include or layer.exclude):
        # All layers that are read from the same text share it.
        found.append(model)
        return tuple(found)
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
