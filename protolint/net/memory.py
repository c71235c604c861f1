"""Who overwrites whose data: in-place layers, shared memory, and what gradients need."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from operator import attrgetter

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.net.facts import fact
from protolint.net.learning import gradients, learns
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View
from protolint.record import NamedTuple

__all__ = ["Memory", "Needed", "Overwritten", "Spoiled", "memory", "needed", "needs_bottom"]


_index = attrgetter("index")


class Spoiled(NamedTuple):
    """An in-place layer, the index of that top, and whose output it should have left alone."""

    layer: Layer
    top: int
    writer: Layer


class Overwritten(NamedTuple):
    """An in-place layer, the index of that top, and a layer that reads its memory afterwards.

    `blob` is the name under which that one reads it, as if it were what it was.
    """

    layer: Layer
    top: int
    reader: Layer
    blob: str


class Memory:
    """Which blobs of one view share memory.

    `overwritten` are the in-place layers that write over a blob which another layer goes on to
    read under another name: that of the Reshape, Flatten or Split.
    """

    def __init__(self, net: Net, view: View) -> None:
        self.overwritten: list[Overwritten] = []
        self._groups: dict[int, list[BlobVersion]] = {}
        self._read: dict[int, int] = {}
        sharing = _sharing(net, view)
        # Where no layer shares memory, each blob has its own.
        for index in sorted({*view.in_place, *sharing}) if sharing else ():
            for i, version in enumerate(view.tops[index]):
                if version.overwritten is not None:
                    self._look_behind(net.layers[index], i, version.overwritten)
                elif index in sharing:
                    self._groups[id(version)] = group = self._group(sharing[index])
                    group.append(version)

    def _look_behind(self, layer: Layer, top: int, before: BlobVersion) -> None:
        """Find who reads the memory of a version, under another name, once it is overwritten."""
        group, index = self._groups.get(id(before), []), layer.index
        # Layers come in order: what nobody reads any more at the start of a group is left behind.
        start = self._read.get(id(group), 0)
        while start < len(group) and _is_read(group[start], index):
            start += 1
        self._read[id(group)] = start
        for same in map(group.__getitem__, range(start, len(group))):
            if same is before or same.overwritten is before or _is_read(same, index):
                continue
            reader = same.readers[bisect_right(same.readers, index, key=_index)]
            self.overwritten.append(Overwritten(layer, top, reader, same.name))
            return

    def _group(self, version: BlobVersion) -> list[BlobVersion]:
        return self._groups.setdefault(id(version), [version])

    def readers(self, version: BlobVersion) -> list[Layer]:
        """Return every layer that reads the memory of a version while it holds that version."""
        return [reader for same in self._group(version) for reader in same.readers]


class Needed:
    """What gradients need of the blobs of one view.

    `spoiled` are the in-place layers that destroy such a thing. A finding ends the need, so that
    one cause is not reported twice.
    """

    def __init__(self, net: Net, view: View) -> None:
        self.spoiled: list[Spoiled] = []
        self._needed: dict[int, dict[frozenset[str], Layer]] = {}
        sharing = _sharing(net, view)
        # Every other layer writes to memory of its own.
        for index in sorted({*view.in_place, *sharing}):
            layer = net.layers[index]
            for i, version in enumerate(view.tops[index]):
                left: dict[frozenset[str], Layer] = {}
                if version.overwritten is not None:
                    for types, writer in self.of(version.overwritten).items():
                        if layer.type in types:
                            self.spoiled.append(Spoiled(layer, i, writer))
                        else:
                            left[types] = writer
                elif index in sharing:
                    left.update(self.of(sharing[index]))
                self._needed[id(version)] = left | _own_need(version)

    def of(self, version: BlobVersion) -> Mapping[frozenset[str], Layer]:
        """Return the layers whose gradient needs what a version holds, by the spoiling types."""
        found = self._needed.get(id(version))
        return _own_need(version) if found is None else found


def _sharing(net: Net, view: View) -> dict[int, BlobVersion]:
    """Return the layers, by their index, whose top is the memory of their bottom, and that."""
    types = [name for name in net.by_type if _shares_memory(name)]
    layers = (layer for layer in net.of_types(types) if layer in view)
    return {layer.index: bottom for layer in layers if (bottom := view.bottom(layer)) is not None}


def _shares_memory(type: str) -> bool:
    known = ALL_TYPES.get(type)
    return known is not None and known.shares_memory


def _own_need(version: BlobVersion) -> dict[frozenset[str], Layer]:
    """Return the layer that makes a version if its gradient needs that, by what spoils it."""
    layer = version.producer
    known = None if layer is None else ALL_TYPES.get(layer.type)
    if layer is None or known is None:
        return {}
    own = known.backward.spoilers(layer, version.overwritten is not None)
    return {own: layer} if own else {}


def _is_read(version: BlobVersion, index: int) -> bool:
    """Whether no layer behind an index reads a version."""
    return not version.readers or version.readers[-1].index <= index


@fact
def memory(net: Net, view: View) -> Memory:
    """Return which blobs of a view share memory."""
    return Memory(net, view) if view.twin is None else memory(net, view.twin)


@fact
def needed(net: Net, view: View) -> Needed:
    """Return what gradients need of the blobs of a view."""
    return Needed(net, view) if view.twin is None else needed(net, view.twin)


def needs_bottom(net: Net, view: View, layer: Layer) -> bool:
    """Return whether a layer's backward pass reads a bottom that it does not overwrite itself.

    Weights that do not learn need no input, and nothing does where there is no gradient.
    """
    known = ALL_TYPES.get(layer.type)
    found = gradients(net, view)
    if known is None or not found:
        return False
    if known.backward.weights and learns(net, layer):
        return True
    wanted = any(id(bottom) in found for bottom in view.bottoms[layer.index])
    return wanted and known.backward.bottom(layer)
