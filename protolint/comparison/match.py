"""Which layer of one net is which of another, whatever either calls its layers and blobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from protolint.layers.layer import Layer
from protolint.net.view import BlobVersion, View

__all__ = ["AFFINE", "Matching", "inputs_of", "match", "pairs_of", "partner_place", "place"]

#: Layers that multiply each channel and add to it, which a layer above can take over.
AFFINE = frozenset({"BatchNorm", "BN", "Scale", "Bias"})

#: How many affine layers may follow a layer that takes them over.
_CHAIN = 3


class Matching:
    """The layers of two views that belong together, by the layers' indices.

    `there` leads from the first net to the second, `back` the other way.
    """

    def __init__(self, first: View, second: View) -> None:
        self.views = (first, second)
        self.there: dict[int, Layer] = {}
        self.back: dict[int, Layer] = {}

    def add(self, first: Layer, second: Layer) -> None:
        """Let two layers belong together."""
        self.there[first.index] = second
        self.back[second.index] = first

    def partner(self, side: int, layer: Layer) -> Layer | None:
        """Return the layer of the other net that belongs to one of net `side`, 0 or 1."""
        return (self.back if side else self.there).get(layer.index)

    def alone(self, side: int) -> list[Layer]:
        """Return the layers of one net that have no partner, in net order."""
        return [one for one in self.views[side].layers if self.partner(side, one) is None]

    def chain(self, side: int, head: Layer) -> list[Layer]:
        """Return a layer and the affine layers that follow it, each the only reader, a few at most.

        Where the other net computes the same it may have them, or a part, inside one layer.
        """
        found = [head]
        while len(found) <= _CHAIN:
            readers = self.views[side].readers(found[-1])
            if len(readers) != 1 or len(readers[0].bottoms) != 1 or readers[0].type not in AFFINE:
                break
            found.append(readers[0])
        return found

    def chains(self, first: Layer, second: Layer) -> tuple[list[Layer], list[Layer]]:
        """Return both chains of two layers; they alone where nothing can have moved in them.

        What is affine itself may have given to the next; another layer only takes over what the
        other net has as a layer without a partner.
        """
        chains = (self.chain(0, first), self.chain(1, second))
        moved = first.type in AFFINE or any(
            self.partner(side, layer) is None
            for side, chain in enumerate(chains)
            for layer in chain[1:]
        )
        return chains if moved else ([first], [second])

    def origin(self, side: int, version: BlobVersion | None) -> BlobVersion | None:
        """Return the version that a version comes from by layers without a partner, one by one."""
        while version is not None and version.producer is not None:
            maker = version.producer
            if self.partner(side, maker) is not None or len(maker.bottoms) != 1:
                break
            version = self.views[side].bottoms[maker.index][0]
        return version

    def above(self, side: int, layer: Layer) -> list[Layer]:
        """Return the layers without a partner that lead to a layer from those that have one."""
        view, found = self.views[side], {}
        open_ends = [version for version in view.bottoms[layer.index] if version is not None]
        while open_ends:
            maker = open_ends.pop().producer
            if maker is None or maker.index in found or self.partner(side, maker) is not None:
                continue
            found[maker.index] = maker
            open_ends += [v for v in view.bottoms[maker.index] if v is not None]
        return [found[index] for index in sorted(found)]


def match(first: View, second: View) -> Matching:
    """Return which layers of two views belong together.

    Layers of one name and type do; of the others those of one type that read the same, or
    that are read by the same; what is left by the name alone.
    """
    found = Matching(first, second)
    _by_key(found, lambda layer: (layer.name, layer.type))
    _by_bottoms(found)
    _by_readers(found)
    _by_key(found, lambda layer: layer.name)
    return found


def _by_key(found: Matching, key: Callable[[Layer], object]) -> None:
    """Let the layers without a partner that have one key belong together, in net order."""
    there = defaultdict(list)
    for layer in found.alone(1):
        there[key(layer)].append(layer)
    for layer in found.alone(0):
        same = there[key(layer)]
        if same:
            found.add(layer, same.pop(0))


def _by_bottoms(found: Matching) -> None:
    """Go down the first net: layers of one type whose bottoms belong together do so as well."""
    first, second = found.views
    inputs = inputs_of(first, second)
    candidates = found.alone(1)
    for layer in found.alone(0):
        read = [partner_place(version, found, inputs) for version in first.bottoms[layer.index]]
        for other in candidates:
            same = other.type == layer.type and len(other.tops) == len(layer.tops)
            if same and read == [place(v) for v in second.bottoms[other.index]]:
                found.add(layer, other)
                candidates.remove(other)
                break


def _by_readers(found: Matching) -> None:
    """Go up both nets: layers of one type whose first readers belong together do so as well."""
    first, second = found.views
    for layer in reversed(found.alone(0)):
        for other in found.alone(1):
            if other.type != layer.type:
                continue
            read = [found.there.get(reader.index) for reader in first.readers(layer)]
            if read and read == second.readers(other):
                found.add(layer, other)
                break


def inputs_of(first: View, second: View) -> dict[str, str]:
    """Return the input of the second view for each of the first: by name, else by place."""
    mine, others = ([v.name for v in view.inputs] for view in (first, second))
    free = iter([name for name in others if name not in mine])
    return {name: name if name in others else next(free, name) for name in mine}


def place(version: BlobVersion | None) -> tuple[object, object]:
    """Return where a version of the second view comes from: a layer and its top, or an input."""
    if version is None or version.producer is None:
        return (None, None if version is None else version.name)
    return (version.producer.index, _top_of(version))


def partner_place(version: BlobVersion | None, found: Matching, inputs: dict[str, str]) -> object:
    """Return the place in the second view that a version of the first belongs to."""
    if version is None or version.producer is None:
        return (None, None if version is None else inputs.get(version.name, version.name))
    partner = found.there.get(version.producer.index)
    return None if partner is None else (partner.index, _top_of(version))


def _top_of(version: BlobVersion) -> int:
    """Return which top of its layer a version is."""
    maker = version.producer
    names = [] if maker is None else [top.name for top in maker.tops]
    return names.index(version.name) if version.name in names else -1


def pairs_of(found: Matching) -> Iterator[tuple[Layer, Layer]]:
    """Yield the layers that belong together, in the order of the first net."""
    for layer in found.views[0].layers:
        partner = found.there.get(layer.index)
        if partner is not None:
            yield layer, partner
