"""Giving a blob version another name, in every state of the net at once."""

from __future__ import annotations

from protolint.edit import Edit
from protolint.layers.layer import BlobName, Layer
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View
from protolint.record import NamedTuple
from protolint.text.tree import Scalar
from protolint.text.write import quote

__all__ = ["rename_top"]


class _Use(NamedTuple):
    """One `top` or `bottom` of a layer."""

    layer: Layer
    is_top: bool
    at: int

    @property
    def blob(self) -> BlobName:
        return (self.layer.tops if self.is_top else self.layer.bottoms)[self.at]

    def version(self, view: View) -> BlobVersion | None:
        found = view.tops if self.is_top else view.bottoms
        return found[self.layer.index][self.at]


def rename_top(net: Net, layer: Layer, index: int, name: str) -> list[Edit] | None:
    """Return the edits that make an in-place layer write to a new blob, or None where none can.

    Everything that reads what the layer writes follows, through in-place layers below, in
    every state. A layer of the same type that stands in for this one in a state without it
    (the TRAIN and TEST twins of one BatchNorm) is renamed with it; where another state feeds
    one of those readers from elsewhere, no renaming is right.
    """
    uses: dict[int, _Use] = {}
    seen: set[int] = set()

    def follow(view: View, version: BlobVersion) -> None:
        """Note every use of a version and of those that overwrite it in place."""
        work = [version]
        while work:
            version = work.pop()
            if id(version) in seen:
                continue
            seen.add(id(version))
            for use in _uses(view, version):
                uses.setdefault(id(use.blob.node), use)
                written = view.tops[use.layer.index]
                if use.is_top or use.at >= len(written):
                    continue
                if written[use.at].overwritten is version:
                    work.append(written[use.at])

    for view in net.views_of(layer):
        follow(view, view.tops[layer.index][index])
    checked = 0
    while checked < len(uses):
        for use in list(uses.values())[checked:]:
            checked += 1
            for other in net.views_of(use.layer):
                found = use.version(other)
                if found is None or id(found) in seen:
                    continue
                start = None if layer in other else _twin_start(found, layer)
                if start is None:
                    return None
                follow(other, start)
    nodes = [use.blob.node for use in uses.values()]
    return [
        Edit(node.value_start, node.end, quote(name)) for node in nodes if isinstance(node, Scalar)
    ]


def _uses(view: View, version: BlobVersion) -> list[_Use]:
    """Return the top that writes a version and the bottoms that read it."""
    found = []
    producer = version.producer
    if producer is not None:
        tops = view.tops[producer.index]
        found += [_Use(producer, True, i) for i, top in enumerate(tops) if top is version]
    for reader in dict.fromkeys(version.readers):
        bottoms = view.bottoms[reader.index]
        found += [_Use(reader, False, i) for i, read in enumerate(bottoms) if read is version]
    return found


def _twin_start(version: BlobVersion, layer: Layer) -> BlobVersion | None:
    """Return the version up the in-place chain that a layer of the same type writes in place."""
    at: BlobVersion | None = version
    while at is not None:
        if at.producer is not None and at.producer.type == layer.type and at.overwritten:
            return at
        at = at.overwritten
    return None
