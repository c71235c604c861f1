"""Who overwrites whose data: in-place layers, shared memory, and what gradients need."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.net.facts import fact
from protolint.net.learning import gradients, learns
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View
from protolint.record import NamedTuple

__all__ = ["Memory", "Overwritten", "Spoiled", "memory", "needs_bottom"]


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
    """What the blobs of one view hold on to.

    `needed` gives, for a version by its id, the layers whose gradient needs what is in its
    memory; `spoiled` the in-place layers that destroy such a thing. A finding ends the need,
    so that one cause is not reported twice. `overwritten` are those that write over a blob which
    another layer goes on to read under another name: that of the Reshape, Flatten or Split.
    """

    def __init__(self, view: View) -> None:
        self.overwritten: list[Overwritten] = []
        self.needed: dict[int, dict[frozenset[str], Layer]] = {}
        self.spoiled: list[Spoiled] = []
        self._groups: dict[int, list[BlobVersion]] = {}
        self._read: dict[int, int] = {}
        for layer in view.layers:
            known = ALL_TYPES.get(layer.type)
            for i, version in enumerate(view.tops[layer.index]):
                before = version.overwritten
                in_place = before is not None
                if before is None and known is not None and known.shares_memory:
                    before = view.bottom(layer)
                    if before is not None:
                        self._group(before).append(version)
                        self._groups[id(version)] = self._group(before)
                needed = dict(self.needed.get(id(before), {})) if before is not None else {}
                if before is not None and in_place:
                    self._look_behind(layer, i, before)
                    for spoilers in [s for s in needed if layer.type in s]:
                        self.spoiled.append(Spoiled(layer, i, needed.pop(spoilers)))
                own = known.backward.spoilers(layer, in_place) if known is not None else None
                if own:
                    needed[own] = layer
                if needed:
                    self.needed[id(version)] = needed

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


def _is_read(version: BlobVersion, index: int) -> bool:
    """Whether no layer behind an index reads a version."""
    return not version.readers or version.readers[-1].index <= index


@fact
def memory(net: Net, view: View) -> Memory:
    """Return what the blobs of a view hold on to."""
    return Memory(view) if view.twin is None else memory(net, view.twin)


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
