"""The memory that an Eltwise sum of NVIDIA 0.17 shares with its bottoms, and who minds.

The sum is written into the first bottom, and all bottoms share one diff (eltwise_layer.cpp);
a Split hands its diff on without a copy and adds the other readers' to it (split_layer.cpp,
both @ v0.17.0 to v0.17.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from protolint.layers.layer import Layer
from protolint.net.learning import gradients
from protolint.net.net import Net
from protolint.net.view import View

from ._inplace import Memory, needs_bottom, operation


class State(NamedTuple):
    """One view, and what is known of its memory; nothing gets a gradient in TEST."""

    view: View
    memory: Memory
    learning: frozenset[int]


class Conflict(NamedTuple):
    """The bottom that is overwritten, or whose gradient is; and who still needs it."""

    bottom: int
    other: Layer
    gradient: bool = False


def shares_memory(layer: Layer) -> bool:
    """Whether the layer is a plain sum, which works in the memory of its bottoms."""
    if layer.type != "Eltwise" or operation(layer) != "SUM" or len(layer.bottoms) < 2:
        return False
    param = layer.parameter("eltwise_param")
    return param is None or all(coeff == 1 for coeff in param.numbers("coeff"))


def state_of(net: Net, view: View) -> State:
    """What is known of one view."""
    return State(view, Memory(view), gradients(net, view))


def conflict_of(net: Net, states: list[State], layer: Layer, first: int) -> Conflict | None:
    """Who suffers if the bottom `first` were the first one."""
    for state in states:
        other = _overwritten(net, state, layer, first)
        if other is not None:
            return Conflict(first, other)
    return next((found for s in states for found in _gradients_mixed(s, layer)), None)


def other_first(net: Net, states: list[State], layer: Layer) -> int | None:
    """A bottom with no other reader that could be the first one without harm."""
    for i in range(1, len(layer.bottoms)):
        versions = [state.view.bottoms[layer.index][i] for state in states]
        alone = all(version is not None and len(version.readers) == 1 for version in versions)
        if alone and conflict_of(net, states, layer, i) is None:
            return i
    return None


def _overwritten(net: Net, state: State, layer: Layer, first: int) -> Layer | None:
    version = state.view.bottoms[layer.index][first]
    if version is None:
        return None
    for reader in state.memory.readers(version):
        if reader is layer or reader.type == "Silence":
            continue
        if reader.index > layer.index or needs_bottom(net, state.view, reader, state.learning):
            return reader
    for writer in state.memory.needed.get(id(version), {}).values():
        if any(id(bottom) in state.learning for bottom in state.view.bottoms[writer.index]):
            return writer
    return None


def _gradients_mixed(state: State, layer: Layer) -> Iterator[Conflict]:
    """A bottom that this layer reads first and another later, with an older bottom beside it."""
    bottoms = [
        (i, version, version.producer.index)
        for i, version in enumerate(state.view.bottoms[layer.index])
        if version is not None and version.producer is not None and id(version) in state.learning
    ]
    oldest = min((at for _, _, at in bottoms), default=0)
    for i, version, written in bottoms:
        if version.readers[0] is layer and oldest < written:
            below = next((r for r in version.readers if r.index > layer.index), None)
            if below is not None:
                yield Conflict(i, below, gradient=True)
