"""Two models on the same data: equal within rounding, or the first layer that differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from protolint.comparison.lockstep import Gap, Measured, Point, lockstep
from protolint.comparison.match import Matching, inputs_of, match, pairs_of
from protolint.errors import UsageError
from protolint.execution.data import random_input
from protolint.execution.executor import Executor
from protolint.execution.step import Array
from protolint.layers.layer import Layer
from protolint.layers.states import NetState
from protolint.net.net import TEST, Net
from protolint.record import NamedTuple

__all__ = ["TOLERANCE", "Comparison", "Difference", "Model", "Row", "compare_models"]

#: The largest difference, relative to the largest value of a blob, that one layer's rounding makes.
TOLERANCE = 1e-5
#: Roundings grow on their way through a net: by so much at most in one layer, up to so much.
_GROWTH, _MOST = 4.0, 1e-3
_SEED = 20171107
#: What a layer counts that only judges the net, and needs a label for it.
_JUDGES = ("Loss", "Accuracy")


class Model(NamedTuple):
    """A net with the blobs of each layer, by the layer's name, in one state."""

    net: Net
    weights: Mapping[str, Sequence[Array]]
    state: NetState = NetState(TEST)


class Row(NamedTuple):
    """One layer of the first net and its partner in the second, and how far they are apart.

    `merged` are the layers that the other net has inside this one.
    """

    first: Layer
    second: Layer
    gap: Gap
    equal: bool
    merged: tuple[str, ...] = ()


class Difference(NamedTuple):
    """Where two nets begin to differ.

    `layer` is the layer, and `net` says in which of the two it is alone, 0 or 1; None for a
    layer that both have, and then `row` says by how much. For a layer that is alone `row` is that
    of the next layer that both have, if there is one.
    """

    layer: Layer
    row: Row | None
    net: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What two models do on the same data.

    `rows` has a row for each layer that both have, in the order of the first net; `alone` are
    the names of layers that only the first and only the second has. `note` is an error that kept
    a net from being run to its end.
    """

    models: tuple[Model, Model]
    rows: tuple[Row, ...]
    difference: Difference | None
    alone: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    note: str = ""
    inputs: Mapping[str, Array] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether the models compute the same, within rounding."""
        return self.difference is None

    @property
    def worst(self) -> float:
        """The largest relative difference of any layer."""
        return max((row.gap.relative for row in self.rows), default=0.0)

    @property
    def first(self) -> str | None:
        """The name of the first layer that differs; None where none does."""
        return None if self.difference is None else self.difference.layer.name

    def __str__(self) -> str:
        return verdict(self)


def compare_models(
    first: Model,
    second: Model,
    data: Mapping[str, Array] | None = None,
    *,
    tolerance: float = TOLERANCE,
) -> Comparison:
    """Run two models on the same data, and return where they begin to differ.

    The nets may be of different Caffes and name their layers differently; a BatchNorm with a
    Scale, or a Convolution with both, is compared with the one layer that the other net has for
    them. `data` has values by the names of inputs of the first net; what it lacks is random, the
    same each time. Raises ExecutionError where a net cannot be run and no difference shows
    before that, UsageError for data that does not fit.
    """
    models = (first, second)
    executors = [Executor(model.net, model.weights, model.state) for model in models]
    found = match(executors[0].view, executors[1].view)
    given = _inputs(executors[0], data or {})
    others = _inputs(executors[1], _renamed(found, executors, given))
    pairs = {pair for a, b in pairs_of(found) for pair in _points(found, a, b)}
    watched = {(side, layer.index) for side in (0, 1) for layer in found.alone(side)}
    measured = lockstep(executors, (given, others), pairs, watched)
    rows, merged = _rows(found, measured, tolerance)
    difference = _first(found, measured, rows, merged)
    if measured.error is not None and difference is None:
        raise measured.error
    alone = tuple(
        tuple(
            layer.name
            for layer in found.alone(side)
            if (side, layer.index) not in merged and layer.bottoms
        )
        for side in (0, 1)
    )
    note = "" if measured.error is None else str(measured.error)
    return Comparison(models, rows, difference, (alone[0], alone[1]), note, given)


def _inputs(executor: Executor, data: Mapping[str, Array]) -> dict[str, Array]:
    """Return the data, and random values for inputs that it lacks; labels are 0."""
    random, given = np.random.default_rng(_SEED), dict(data)
    judged = {
        bottom.name
        for layer in executor.view.layers
        if layer.type.endswith(_JUDGES)
        for bottom in layer.bottoms[1:]
    }
    for name, shape in executor.inputs.items():
        if name in given:
            continue
        if shape.values is None:
            raise UsageError(
                f"{executor.net.source.path}: the net says no shape for '{name}'; give it with"
                " --data"
            )
        dims = tuple(size or 0 for size in shape.dims)
        given[name] = np.zeros(dims, np.float32) if name in judged else random_input(random, dims)
    return given


def _renamed(
    found: Matching, executors: Sequence[Executor], given: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the inputs of the first net by the names that the second has for them."""
    names = inputs_of(*found.views)
    for layer, partner in pairs_of(found):
        if not layer.bottoms:
            both = zip(layer.tops, partner.tops, strict=False)
            names.update((top.name, other.name) for top, other in both)
    known = executors[1].inputs
    tops = {top.name for layer in executors[1].view.layers for top in layer.tops}
    return {
        name: values
        for name, values in ((names.get(key, key), values) for key, values in given.items())
        if name in known or name in tops
    }


def _points(found: Matching, first: Layer, second: Layer) -> Iterator[tuple[Point, Point]]:
    """Yield what to measure of two layers: their tops, and those of layers merged into them."""
    for i in range(min(len(first.tops), len(second.tops))):
        yield (first.index, i), (second.index, i)
    for a, b in product(*found.chains(first, second)):
        if a.tops and b.tops:
            yield (a.index, 0), (b.index, 0)


def _rows(
    found: Matching, measured: Measured, tolerance: float
) -> tuple[tuple[Row, ...], set[tuple[int, int]]]:
    """Return the rows, and the layers, by net and index, that the other net has merged."""
    rows: dict[int, Row] = {}
    merged: set[tuple[int, int]] = set()
    for first, second in pairs_of(found):
        limit = _limit(found, rows, first, tolerance)
        row, inside = _row(found, measured, (first, second), limit)
        if row is not None:
            rows[first.index] = row
            merged |= inside
    return tuple(rows.values()), merged


def _limit(found: Matching, rows: Mapping[int, Row], layer: Layer, tolerance: float) -> float:
    """Return how far a layer may be off by rounding, given how far what it reads is."""
    read = _sources(found, layer)
    came = max((rows[i].gap.relative for i in read if i in rows and rows[i].equal), default=0.0)
    return max(tolerance, min(tolerance + _GROWTH * came, _MOST))


def _sources(found: Matching, layer: Layer) -> set[int]:
    """Return the layers of the first net with a partner whose tops a layer's values come from."""
    readers = [layer, *found.above(0, layer)]
    versions = [v for one in readers for v in found.views[0].bottoms[one.index] if v is not None]
    return {v.producer.index for v in versions if v.producer is not None}


def _row(
    found: Matching, measured: Measured, layers: tuple[Layer, Layer], limit: float
) -> tuple[Row | None, set[tuple[int, int]]]:
    """Return the row of two layers, none where they were not measured, and what is merged."""
    own = [
        measured.gaps[pair]
        for pair in (((layers[0].index, i), (layers[1].index, i)) for i in range(99))
        if pair in measured.gaps
    ]
    if not own:
        return None, set()
    worst = max(own, key=lambda gap: gap.relative)
    plain = Row(*layers, worst, worst.relative <= limit)
    if plain.equal:
        return plain, set()
    chains = found.chains(*layers)
    nearest, nearest_inside = plain, set[tuple[int, int]]()
    for i, j in sorted(product(*(range(len(chain)) for chain in chains)), key=sum):
        gap = measured.gaps.get(((chains[0][i].index, 0), (chains[1][j].index, 0)))
        if gap is None or gap.relative >= nearest.gap.relative:
            continue
        inside = [(0, one) for one in chains[0][1 : i + 1]]
        inside += [(1, one) for one in chains[1][1 : j + 1]]
        alone = all(found.partner(side, one) is None for side, one in inside)
        if gap.relative <= limit or alone:
            names = tuple(dict.fromkeys(layer.name for _, layer in inside))
            nearest = Row(*layers, gap, gap.relative <= limit, names)
            nearest_inside = {(side, one.index) for side, one in inside}
        if nearest.equal:
            break
    return nearest, nearest_inside


def _first(
    found: Matching, measured: Measured, rows: Sequence[Row], merged: set[tuple[int, int]]
) -> Difference | None:
    """Return where two nets begin to differ: a layer that both have, or one that is alone."""

    def counts(side: int, layer: Layer) -> bool:
        key = (side, layer.index)
        return bool(layer.bottoms and layer.tops) and not (
            key in merged or key in measured.unchanged or layer.type.endswith(_JUDGES)
        )

    for row in rows:
        if row.equal:
            continue
        for side, layer in ((0, row.first), (1, row.second)):
            for above in found.above(side, layer):
                if counts(side, above):
                    return Difference(above, row, side)
        return Difference(row.first, row)
    for side in (0, 1):
        view = found.views[side]
        for layer in found.alone(side):
            ends = any(
                not any(reader.tops for reader in version.readers)
                for version in view.tops[layer.index]
            )
            if ends and (counts(side, layer) or _is_reshaped(found, measured, rows, side, layer)):
                first = next(
                    one
                    for one in [*found.above(side, layer), layer]
                    if counts(side, one) or one is layer
                )
                return Difference(first, None, side)
    return None


def _is_reshaped(
    found: Matching, measured: Measured, rows: Sequence[Row], side: int, layer: Layer
) -> bool:
    """Whether a lone layer gives the values of a layer of both nets in a shape of its own.

    One that gives them in the shape which they have in the other net takes something back.
    """
    before, after = measured.unchanged.get((side, layer.index), ((), ()))
    if before == after:
        return False
    (top, *_) = found.views[side].tops[layer.index]
    origin = found.origin(side, top)
    for row in rows:
        if origin is not None and origin.producer is (row.first, row.second)[side]:
            return (row.gap.first, row.gap.second)[1 - side] != after
    return True


def verdict(found: Comparison) -> str:
    """Return in a sentence whether two models compute the same, and where they begin to differ."""
    if found.difference is None:
        return f"equal within rounding: {len(found.rows)} layers, {found.worst:.1e} at most"
    layer, row, net = found.difference
    name = f"'{layer.name}' ({layer.type})"
    if net is None and row is not None and row.merged:
        name += " with " + ", ".join(f"'{one}'" for one in row.merged)
    if net is not None:
        return f"differ from layer {name} on, which only the {('first', 'second')[net]} net has"
    assert row is not None
    if not row.gap.same_shape:
        shapes = (_sizes(row.gap.first), _sizes(row.gap.second))
        return f"differ from layer {name} on: its shape is {shapes[0]} against {shapes[1]}"
    return (
        f"differ from layer {name} on: by {row.gap.relative:.2g} of its largest value"
        f" (absolute {row.gap.absolute:.2g})"
    )


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one value"
