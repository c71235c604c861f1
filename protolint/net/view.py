"""A net in one state: the layers that are left, and who reads which version of which blob."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from protolint.diagnostic import Label
from protolint.layers.layer import Layer
from protolint.layers.states import NetState
from protolint.source import Span

__all__ = ["BlobVersion", "View", "made_at", "read_at", "uses"]


class BlobVersion:
    """What one layer writes under one blob name, until another layer overwrites it.

    `producer` is None for an input of the net. `overwritten` is the version that an
    in-place layer took as its bottom; `readers` are in net order.
    """

    __slots__ = ("name", "overwritten", "producer", "readers")

    def __init__(self, name: str, producer: Layer | None) -> None:
        self.name = name
        self.producer = producer
        self.overwritten: BlobVersion | None = None
        self.readers: list[Layer] = []

    def __repr__(self) -> str:
        return f"BlobVersion({self.name!r}, {self.producer!r})"


class View:
    """The net that one state gives, with every bottom resolved to a blob version.

    `bottoms[i]` and `tops[i]` belong to the layer of index `i`; a bottom that nothing
    produces is None. `clashes` are tops that another layer has written already. `in_place` are
    the indices of the layers that overwrite a bottom, `contested` of those where it has another
    use, too. `missing` are the bottoms that nothing produces: the layer, the bottom's index.
    With the same layers as another view, its `twin`, it has the very same blobs.
    """

    def __init__(
        self,
        state: NetState,
        layers: list[Layer],
        inputs: list[str],
        others: Iterable[View] = (),
    ) -> None:
        self.state = state
        #: What has been found out about the view, by the function that did (net/facts.py).
        self.facts: dict[Callable[..., object], object] = {}
        # Most layers have no rules, and none is asked; nets are large.
        self.layers = [
            layer
            for layer in layers
            if not (layer.include or layer.exclude) or layer.is_kept(state)
        ]
        self.inputs: list[BlobVersion] = []
        self.outputs: dict[str, BlobVersion] = {}
        self.twin = next(
            (
                other
                for other in others
                if other.layers == self.layers and [v.name for v in other.inputs] == inputs
            ),
            None,
        )
        self.bottoms: dict[int, list[BlobVersion | None]] = {}
        self.tops: dict[int, list[BlobVersion]] = {}
        self.clashes: list[tuple[Layer, int, BlobVersion]] = []
        self.in_place: set[int] = set()
        self.contested: set[int] = set()
        self.missing: list[tuple[Layer, int]] = []
        if self.twin is None:
            self._resolve(inputs)
            return
        twin = self.twin
        self.inputs, self.outputs = twin.inputs, twin.outputs
        self.bottoms, self.tops, self.missing = twin.bottoms, twin.tops, twin.missing
        self.clashes, self.in_place, self.contested = twin.clashes, twin.in_place, twin.contested

    def _resolve(self, inputs: list[str]) -> None:
        """Find the version that each bottom reads."""
        current: dict[str, BlobVersion] = {name: BlobVersion(name, None) for name in inputs}
        #: The versions that the inputs of the net are.
        self.inputs = list(current.values())
        for layer in self.layers:
            index, bottoms = layer.index, layer.bottom_names
            read: list[BlobVersion | None] = []
            for name in bottoms:
                known = current.get(name)
                if known is not None:
                    known.readers.append(layer)
                else:
                    self.missing.append((layer, len(read)))
                read.append(known)
            written: list[BlobVersion] = []
            for name in layer.top_names:
                before = current.get(name)
                version = current[name] = BlobVersion(name, layer)
                if before is not None:
                    at = len(written)
                    if at < len(bottoms) and bottoms[at] == name:
                        version.overwritten = before
                        self.in_place.add(index)
                        # No layer below can read what is lost: its uses are all known.
                        if uses(before) > 1:
                            self.contested.add(index)
                    else:
                        self.clashes.append((layer, at, before))
                written.append(version)
            self.bottoms[index] = read
            self.tops[index] = written
        self.outputs = current

    def __contains__(self, layer: Layer) -> bool:
        return layer.index in self.tops

    def bottom(self, layer: Layer, i: int = 0) -> BlobVersion | None:
        """Return the version that a bottom of a layer reads, None where there is none."""
        bottoms = self.bottoms.get(layer.index, ())
        return bottoms[i] if i < len(bottoms) else None

    def lost(self, layer: Layer) -> Iterator[tuple[int, BlobVersion]]:
        """Yield the index of each top that a layer writes over a bottom, and that bottom."""
        for i, version in enumerate(self.tops[layer.index]):
            if version.overwritten is not None:
                yield i, version.overwritten

    def readers(self, layer: Layer, top: int = 0) -> list[Layer]:
        """Return the first consumers of a top: the layers that read the very version it writes."""
        versions = self.tops.get(layer.index, [])
        return versions[top].readers if top < len(versions) else []


def made_at(view: View, version: BlobVersion | None) -> Span | None:
    """Return where a blob is made; None for an input."""
    producer = None if version is None else version.producer
    if version is None or producer is None:
        return None
    return producer.tops[view.tops[producer.index].index(version)].span


def read_at(version: BlobVersion) -> tuple[Label, ...]:
    """Return the places where the first two layers read a blob."""
    return tuple(
        Label(bottom.span, "read here")
        for reader in dict.fromkeys(version.readers[:2])
        for bottom in reader.bottoms
        if bottom.name == version.name
    )


def uses(version: BlobVersion) -> int:
    """Return how often a blob is used: by readers, and as a loss (insert_splits.cpp)."""
    found = len(version.readers)
    producer = version.producer
    if producer is not None and "loss_weight" in producer.message.given:
        weights = [value for value, _ in producer.message.given["loss_weight"]]
        for top, weight in zip(producer.tops, weights, strict=False):
            if top.name == version.name and weight:
                found += 1
                break
    return found
