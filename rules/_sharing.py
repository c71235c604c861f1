"""The memory that an Eltwise sum of NVIDIA 0.17 shares with its bottoms, and who minds.

The sum is written into the first bottom, and all bottoms share one diff (eltwise_layer.cpp);
a Split hands its diff on without a copy and adds the other readers' to it (split_layer.cpp,
both @ v0.17.0 to v0.17.4).
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.layers.layer import Layer
from protolint.net.learning import gets_gradient, gradients
from protolint.net.memory import memory, needed, needs_bottom
from protolint.net.net import Net
from protolint.net.view import View
from protolint.record import NamedTuple


class Conflict(NamedTuple):
    """The bottom that is overwritten, or whose gradient is; and who still needs it."""

    bottom: int
    other: Layer
    gradient: bool = False


def conflict_of(net: Net, views: list[View], layer: Layer, first: int) -> Conflict | None:
    """Who suffers if the bottom `first` were the first one."""
    for view in views:
        other = _overwritten(net, view, layer, first)
        if other is not None:
            return Conflict(first, other)
    return next((found for view in views for found in _gradients_mixed(net, view, layer)), None)


def other_first(net: Net, views: list[View], layer: Layer) -> int | None:
    """Return a bottom with no other reader that could be the first one without harm."""
    for i in range(1, len(layer.bottoms)):
        versions = [view.bottom(layer, i) for view in views]
        alone = all(version is not None and len(version.readers) == 1 for version in versions)
        if alone and conflict_of(net, views, layer, i) is None:
            return i
    return None


def _overwritten(net: Net, view: View, layer: Layer, first: int) -> Layer | None:
    version = view.bottom(layer, first)
    if version is None:
        return None
    for reader in memory(net, view).readers(version):
        if reader is layer or reader.type == "Silence":
            continue
        if reader.index > layer.index or needs_bottom(net, view, reader):
            return reader
    for writer in needed(net, view).of(version).values():
        if any(gets_gradient(net, view, bottom) for bottom in view.bottoms[writer.index]):
            return writer
    return None


def _gradients_mixed(net: Net, view: View, layer: Layer) -> Iterator[Conflict]:
    """Yield a bottom that this layer reads first and another later, beside an older one."""
    learning = gradients(net, view)
    bottoms = [
        (i, version, version.producer.index)
        for i, version in enumerate(view.bottoms[layer.index])
        if version is not None and version.producer is not None and id(version) in learning
    ]
    oldest = min((at for _, _, at in bottoms), default=0)
    for i, version, written in bottoms:
        if version.readers[0] is layer and oldest < written:
            below = next((r for r in version.readers if r.index > layer.index), None)
            if below is not None:
                yield Conflict(i, below, gradient=True)
