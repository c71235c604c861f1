"""Run two nets side by side, and measure how far blobs of one are from blobs of the other.

A blob is measured as it is when its layer has run, and kept no longer than until the blob that
it is compared with is there, so that memory does not grow with the depth of the nets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from protolint.execution.executor import Executor
from protolint.execution.step import Array, ExecutionError
from protolint.layers.layer import Layer
from protolint.record import NamedTuple

__all__ = ["Gap", "Measured", "Point", "gap_of", "lockstep"]

#: A layer's index and one of its tops.
Point = tuple[int, int]


class Gap(NamedTuple):
    """How far two blobs are from each other.

    `relative` is the largest difference over the largest value of either, infinite where the
    shapes differ or one alone has NaN or infinity in a place; `absolute` is the difference itself,
    `place` where it is.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    relative: float
    absolute: float
    place: tuple[int, ...] = ()

    @property
    def same_shape(self) -> bool:
        """Whether both blobs have one shape."""
        return self.first == self.second


class Measured(NamedTuple):
    """What two runs gave: the gaps by the two points, and the first error of either net.

    `unchanged` are the layers watched, by net and index, whose tops have the values that their
    bottom had, with the shape of the bottom and that of the last top.
    """

    gaps: dict[tuple[Point, Point], Gap]
    unchanged: dict[tuple[int, int], tuple[tuple[int, ...], tuple[int, ...]]]
    error: ExecutionError | None


def gap_of(first: Array, second: Array) -> Gap:
    """Return how far two blobs are from each other; NaN equals NaN, axes of 1 do not count."""
    shapes = first.shape, second.shape
    if _without_ones(first.shape) != _without_ones(second.shape):
        return Gap(*shapes, float("inf"), float("inf"))
    second = second.reshape(first.shape)
    if not first.size or np.array_equal(first, second):
        return Gap(*shapes, 0.0, 0.0)
    a, b = first.astype(np.float64), second.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gaps = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    absolute = float(gaps.max())
    size = max(float(np.abs(v[np.isfinite(v)]).max(initial=0.0)) for v in (a, b))
    place = tuple(int(i) for i in np.unravel_index(int(gaps.argmax()), gaps.shape))
    relative = 0.0 if absolute == 0 else absolute / size if size else float("inf")
    return Gap(*shapes, relative, absolute, place)


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def lockstep(
    executors: Sequence[Executor],
    inputs: Sequence[Mapping[str, Array]],
    pairs: Collection[tuple[Point, Point]],
    watched: Collection[tuple[int, int]] = (),
) -> Measured:
    """Run two nets, a layer of each in turn, and measure the pairs of points.

    `watched` are layers, by net and index, of which to find out whether they change anything.
    A net that cannot be run to its end ends both; what was measured until then counts.
    """
    state = _State(pairs, watched)
    runs = [_running(state, side, executors[side], inputs[side]) for side in (0, 1)]
    error, going = None, list(runs)
    while going and error is None:
        for run in list(going):
            try:
                next(run)
            except StopIteration:
                going.remove(run)
            except ExecutionError as failure:
                error = failure
                break
    # The other net may be behind, with a difference that explains the error.
    if error is not None:
        for run in runs:
            try:
                for _ in run:
                    pass
            except ExecutionError:
                continue
    return Measured(state.gaps, state.unchanged, error)


class _State:
    """What is measured so far, and the blobs that wait for what they are compared with."""

    def __init__(
        self, pairs: Collection[tuple[Point, Point]], watched: Collection[tuple[int, int]]
    ) -> None:
        self.watched = watched
        self.gaps: dict[tuple[Point, Point], Gap] = {}
        self.unchanged: dict[tuple[int, int], tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._held: tuple[dict[Point, Array], dict[Point, Array]] = ({}, {})
        self._open: tuple[dict[Point, set[Point]], dict[Point, set[Point]]] = (
            defaultdict(set),
            defaultdict(set),
        )
        for first, second in pairs:
            self._open[0][first].add(second)
            self._open[1][second].add(first)

    def take(self, side: int, point: Point, values: Array) -> None:
        """Compare a blob with those of the other net that wait for it, and keep it for others."""
        here, there = self._open[side], self._open[1 - side]
        if point not in here:
            return
        held = self._held[1 - side]
        for other in sorted(here[point] & held.keys()):
            blobs = (values, held[other])
            pair = (point, other)
            self.gaps[pair if side == 0 else pair[::-1]] = gap_of(
                *(blobs if side == 0 else blobs[::-1])
            )
            here[point].discard(other)
            there[other].discard(point)
            if not there[other]:
                del held[other]
        if here[point]:
            self._held[side][point] = values.copy()


def _running(
    state: _State, side: int, executor: Executor, inputs: Mapping[str, Array]
) -> Iterator[Layer]:
    """Run one net, and yield each layer when its tops are measured."""
    before: dict[int, Array] = {}

    def watch(layer: Layer, bottoms: Sequence[Array]) -> None:
        if (side, layer.index) in state.watched and len(bottoms) == 1:
            before[layer.index] = bottoms[0].copy()

    for layer in executor.passing(inputs, watch):
        tops = [executor.blobs[top.name] for top in layer.tops]
        for i, values in enumerate(tops):
            state.take(side, (layer.index, i), values)
        bottom = before.pop(layer.index, None)
        if bottom is not None and all(
            np.array_equal(bottom.reshape(-1), values.reshape(-1), equal_nan=True)
            for values in tops
        ):
            shapes = bottom.shape, tops[-1].shape if tops else bottom.shape
            state.unchanged[side, layer.index] = shapes
        yield layer
