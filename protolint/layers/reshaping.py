"""Layers that move, join, cut, copy or count values, and compute with none of them.

Sources: the layers' files in src/caffe/layers and include/caffe/layers @ BVLC master, NVIDIA
v0.14.5 to v0.17.4; permute_layer.cpp @ weiliu89/caffe ssd; reorg_layer.cpp @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from types import MappingProxyType

from protolint.layers.base import (
    ONE,
    TWO,
    InPlace,
    LayerType,
    Setup,
    agreed,
    at_least,
    first,
)
from protolint.layers.fields import flag, integer, integers, size
from protolint.layers.shape import UNKNOWN, Shape, canonical, known_size, positive, product

__all__ = ["TYPES"]


def _flatten(setup: Setup, _i: int) -> Shape:
    """Return the axes from `axis` to `end_axis` become one; one of size 1 where there is none."""
    bottom = setup.first
    last = integer(setup.layer, "flatten_param", "end_axis", -1)
    start = canonical(integer(setup.layer, "flatten_param", "axis", 1), bottom)
    if start is None:
        return UNKNOWN
    if not bottom.complete:
        return Shape.of((*bottom.lead(start), None)) if last == -1 else Shape(bottom.lead(start))
    end = canonical(last, bottom)
    if end is None or end < start - 1:
        return UNKNOWN
    folded = product(bottom.dims[start : end + 1])
    return Shape.of((*bottom.lead(start), folded, *bottom.dims[end + 1 :]))


def _reshape(setup: Setup, _i: int) -> Shape:
    """0 copies an axis and -1 takes what is left, from `axis` on for `num_axes` axes."""
    bottom, message = setup.first, setup.layer.parameter("reshape_param")
    written = message.message("shape") if message is not None else None
    if message is None or written is None:
        return UNKNOWN
    start, replaced = message.integer("axis"), message.integer("num_axes")
    if start < 0 and bottom.axes is not None:
        start += bottom.axes + 1
    if start < 0 or (start > 0 and canonical(start - 1, bottom) is None):
        return UNKNOWN
    dims = written.integers("dim")
    sizes = [bottom.size(start + i) if dim == 0 else known_size(dim) for i, dim in enumerate(dims)]
    shape = Shape.of((*bottom.lead(start), *sizes))
    if bottom.axes is None:
        return shape if replaced < 0 else Shape(shape.dims)
    end = bottom.axes if replaced < 0 else start + replaced
    if end > bottom.axes:
        return UNKNOWN
    if -1 in dims:
        sizes[dims.index(-1)] = _left_over(bottom, start, end, dims)
    return Shape.of((*bottom.lead(start), *sizes, *bottom.dims[end:]))


def _left_over(bottom: Shape, start: int, end: int, dims: list[int]) -> int | None:
    """Return the size that -1 takes; copied axes cancel out, whether known or not."""
    copied = {start + i for i, dim in enumerate(dims) if dim == 0}
    values = product(bottom.size(i) for i in range(start, end) if i not in copied)
    behind = (bottom.size(i) for i in copied if i >= end)
    parts = product((*behind, *(dim for dim in dims if dim > 0)))
    return values // parts if values is not None and parts and values % parts == 0 else None


def _reduction(setup: Setup, _i: int) -> Shape:
    """Return the axes before `axis`."""
    axis = canonical(integer(setup.layer, "reduction_param", "axis", 0), setup.first)
    return UNKNOWN if axis is None else Shape.of(setup.first.lead(axis))


def _concat(setup: Setup, _i: int) -> Shape:
    """Return the bottoms side by side along one axis."""
    whole = agreed(setup.bottoms)
    older = integer(setup.layer, "concat_param", "concat_dim", 1)
    axis = canonical(integer(setup.layer, "concat_param", "axis", older), whole)
    if axis is None:
        return UNKNOWN
    sizes = [bottom.size(axis) for bottom in setup.bottoms]
    return whole.resized(axis, None if None in sizes else sum(known or 0 for known in sizes))


def _slice(setup: Setup, i: int) -> Shape:
    """Between two points, or equal parts."""
    older = integer(setup.layer, "slice_param", "slice_dim", 1)
    axis = canonical(integer(setup.layer, "slice_param", "axis", older), setup.first)
    if axis is None:
        return UNKNOWN
    whole, count = setup.first.size(axis), len(setup.layer.tops)
    points: list[int | None] = [*integers(setup.layer, "slice_param", "slice_point")]
    if not points:
        equal = whole is not None and whole % count == 0
        return setup.first.resized(axis, whole // count if whole is not None and equal else None)
    ends = [0, *points, whole]
    start, end = ends[i : i + 2] if i < len(ends) - 1 else (None, None)
    part = None if start is None or end is None else positive(end - start)
    return setup.first.resized(axis, part)


def _crop(setup: Setup, _i: int) -> Shape:
    """From `axis` on the sizes of the second bottom."""
    bottom, other = setup.bottom(0), setup.bottom(1)
    axis = canonical(integer(setup.layer, "crop_param", "axis", 2), bottom)
    if axis is None:
        return UNKNOWN
    length = len(bottom.dims) if bottom.complete else max(axis, len(other.dims))
    dims = ((bottom if i < axis else other).size(i) for i in range(length))
    return Shape(tuple(dims), bottom.complete or other.complete)


def _tile(setup: Setup, _i: int) -> Shape:
    """One axis, so many times."""
    axis = canonical(integer(setup.layer, "tile_param", "axis", 1), setup.first)
    if axis is None:
        return UNKNOWN
    tiles = size(setup.layer, "tile_param", "tiles")
    return setup.first.resized(axis, product((setup.first.size(axis), tiles)))


def _argmax(setup: Setup, _i: int) -> Shape:
    """One axis cut to the best; without `axis` batch, rows, the best and axes of size 1."""
    bottom = setup.first
    best = positive(integer(setup.layer, "argmax_param", "top_k", 1))
    given = integers(setup.layer, "argmax_param", "axis")
    if given:
        axis = canonical(given[0], bottom)
        return UNKNOWN if axis is None else bottom.resized(axis, best)
    rows = 2 if flag(setup.layer, "argmax_param", "out_max_val") else 1
    lead = (bottom.size(0), rows, best)
    if bottom.axes is None:
        return Shape(lead)
    axes = bottom.axes if setup.dialect.argmax_keeps_axes else max(bottom.axes, 3)
    return Shape.of((*lead, *[1] * (axes - 3))[:axes])


def _batch_reindex(setup: Setup, _i: int) -> Shape:
    return setup.first.resized(0, setup.bottom(1).size(0)) if setup.first.dims else UNKNOWN


def _filter(setup: Setup, i: int) -> Shape:
    """As many items as pass while the net runs: all of them when it is built."""
    bottom = setup.bottom(i)
    return bottom.resized(0, setup.first.size(0)) if bottom.dims else UNKNOWN


def _permute(setup: Setup, _i: int) -> Shape:
    """Axes that are not named follow in their order."""
    bottom = setup.first
    if not bottom.complete:
        return UNKNOWN
    order = integers(setup.layer, "permute_param", "order")
    order += [axis for axis in range(len(bottom.dims)) if axis not in order]
    return Shape.of(bottom.size(axis) for axis in order)


def _reorg(setup: Setup, _i: int) -> Shape:
    """Squares of `stride` pixels become channels, or channels become squares."""
    batch, channels, height, width = setup.first.lead(4)
    stride = size(setup.layer, "reorg_param", "stride")
    if None in (channels, height, width) or not stride:
        return Shape.of((batch, None, None, None))
    if flag(setup.layer, "reorg_param", "reverse"):
        return Shape.of((batch, (channels or 0) // stride**2, (height or 0) * stride,
                         (width or 0) * stride))  # fmt: skip
    return Shape.of((batch, (channels or 0) * stride**2, (height or 0) // stride,
                     (width or 0) // stride))  # fmt: skip


# Flatten, Reshape and Split give their bottom's memory on as the top (ShareData).
TYPES = (
    LayerType("ArgMax", ("argmax_param",), ONE, ONE, _argmax),
    LayerType("BatchReindex", (), TWO, ONE, _batch_reindex),
    LayerType("Concat", ("concat_param",), at_least(1), ONE, _concat),
    LayerType("Crop", ("crop_param",), TWO, ONE, _crop),
    LayerType("Filter", (), at_least(2), at_least(1), _filter),
    LayerType(
        "Flatten", ("flatten_param",), ONE, ONE, _flatten,
        in_place=InPlace.ABORTS, shares_memory=True,
    ),
    LayerType("Permute", ("permute_param",), ONE, ONE, _permute),
    LayerType("Reduction", ("reduction_param",), ONE, ONE, _reduction),
    LayerType("Reorg", ("reorg_param",), ONE, ONE, _reorg, in_place=InPlace.ABORTS),
    LayerType(
        "Reshape", ("reshape_param",), ONE, ONE, _reshape,
        in_place=InPlace.ABORTS, shares_memory=True,
    ),
    LayerType("Slice", ("slice_param",), ONE, at_least(1), _slice),
    LayerType(
        "Split", (), ONE, at_least(1), first,
        in_place=InPlace.ABORTS, shares_memory=True, keeps_shape=True,
        # Intel's engine.
        reads_of=MappingProxyType({"split_param": frozenset({"engine"})}),
    ),
    LayerType("Tile", ("tile_param",), ONE, ONE, _tile),
)  # fmt: skip
