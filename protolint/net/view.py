"""A net in one state: the layers that are left, and who reads which version of which blob."""

from __future__ import annotations

from protolint.net.layer import Layer
from protolint.net.states import NetState

__all__ = ["BlobVersion", "View"]


class BlobVersion:
    """What one layer writes under one blob name, until another layer overwrites it.

    `producer` is None for an input of the net. `overwritten` is the version that an
    in-place layer took as its bottom; `readers` are in net order.
    """

    __slots__ = ("name", "overwritten", "producer", "readers")

    def __init__(
        self, name: str, producer: Layer | None, overwritten: BlobVersion | None = None
    ) -> None:
        self.name = name
        self.producer = producer
        self.overwritten = overwritten
        self.readers: list[Layer] = []

    def __repr__(self) -> str:
        return f"BlobVersion({self.name!r}, {self.producer!r})"


class View:
    """The net that one state gives, with every bottom resolved to a blob version.

    `bottoms[i]` and `tops[i]` belong to the layer of index `i`; a bottom that nothing
    produces is None. `clashes` are tops that another layer has written already.
    """

    def __init__(self, state: NetState, layers: list[Layer], inputs: list[str]) -> None:
        self.state = state
        self.layers = [layer for layer in layers if layer.is_kept(state)]
        self.bottoms: dict[int, list[BlobVersion | None]] = {}
        self.tops: dict[int, list[BlobVersion]] = {}
        self.clashes: list[tuple[Layer, int, BlobVersion]] = []
        current: dict[str, BlobVersion] = {name: BlobVersion(name, None) for name in inputs}
        for layer in self.layers:
            self._add(layer, current)
        self.outputs = current

    def _add(self, layer: Layer, current: dict[str, BlobVersion]) -> None:
        bottoms = layer.bottoms
        read = [current.get(name) for name, _ in bottoms]
        for version in read:
            if version is not None:
                version.readers.append(layer)
        written = []
        for i, (name, _) in enumerate(layer.tops):
            before = current.get(name)
            if before is None:
                version = BlobVersion(name, layer)
            elif i < len(bottoms) and bottoms[i].name == name:
                version = BlobVersion(name, layer, before)
            else:
                version = BlobVersion(name, layer)
                self.clashes.append((layer, i, before))
            current[name] = version
            written.append(version)
        self.bottoms[layer.index] = read
        self.tops[layer.index] = written

    def __contains__(self, layer: Layer) -> bool:
        return layer.index in self.tops

    def readers(self, layer: Layer, top: int = 0) -> list[Layer]:
        """The first consumers of a top: the layers that read the very version it writes."""
        versions = self.tops.get(layer.index, [])
        return versions[top].readers if top < len(versions) else []

    def scale_after(self, batchnorm: Layer) -> Layer | None:
        """The one-bottom Scale that reads a BatchNorm's top directly, or None."""
        for reader in self.readers(batchnorm):
            if reader.type == "Scale" and len(reader.bottoms) == 1:
                return reader
        return None
