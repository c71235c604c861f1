"""TRAIN/TEST twins: two layers that stand in for each other, one in each phase."""

from __future__ import annotations

from collections.abc import Iterator

from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.record import NamedTuple

from ._statistics import global_stats, obeys_global_stats


class Twins(NamedTuple):
    """A TRAIN-only and a TEST-only layer of one type with the same bottoms and tops."""

    train: Layer
    test: Layer


def phases_of(net: Net, layer: Layer) -> set[str]:
    """Return the phases in which the layer is part of the net."""
    return {view.state.phase for view in net.views_of(layer)}


def twins_of(net: Net, *types: str) -> list[Twins]:
    """Return the twins among the layers of some types, in net order.

    Where several layers share bottoms and tops (in place, one below the other), those of
    one name belong together, and the rest in order.
    """
    groups: dict[tuple[str, ...], tuple[list[Layer], list[Layer]]] = {}
    for layer in net.of_types(types):
        if not (layer.include or layer.exclude):
            continue
        phases = phases_of(net, layer)
        if len(phases) == 1:
            blobs = (*(b.name for b in layer.bottoms), "/", *(t.name for t in layer.tops))
            trains, tests = groups.setdefault((layer.type, *blobs), ([], []))
            (trains if "TRAIN" in phases else tests).append(layer)
    return [pair for trains, tests in groups.values() for pair in _pairs(trains, tests)]


def _pairs(trains: list[Layer], tests: list[Layer]) -> Iterator[Twins]:
    waiting: dict[str, list[Layer]] = {}
    for test in reversed(tests):
        waiting.setdefault(test.name, []).append(test)
    alone = []
    for train in trains:
        if waiting.get(train.name):
            yield Twins(train, waiting[train.name].pop())
        else:
            alone.append(train)
    left = sorted((t for rest in waiting.values() for t in rest), key=lambda t: t.index)
    yield from map(Twins, alone, left)


def swapped_twins(net: Net) -> list[Twins]:
    """BatchNorm twins that use stored statistics in TRAIN and those of the batch in TEST."""
    return [
        pair
        for pair in twins_of(net, "BatchNorm")
        if global_stats(net, pair.train, True)
        and global_stats(net, pair.test, False)
        and obeys_global_stats(net, pair.train)
        and obeys_global_stats(net, pair.test)
    ]
