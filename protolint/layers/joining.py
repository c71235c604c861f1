"""Layers that join, cut, pick or repeat blobs, and compute with none of their values.

Sources: concat_layer.cpp, slice_layer.cpp, split_layer.cpp, crop_layer.cpp, tile_layer.cpp,
filter_layer.cpp, batch_reindex_layer.cpp in src/caffe/layers and their headers @ BVLC master,
NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, intel/caffe 1.1.6.
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
from protolint.layers.checks import above_zero, has_memory, own_top
from protolint.layers.fields import integer, integers, size
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, canonical, positive, product

__all__ = ["TYPES"]


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
    whole, count = setup.first.size(axis), len(setup.layer.top_names)
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


def _batch_reindex(setup: Setup, _i: int) -> Shape:
    return setup.first.resized(0, setup.bottom(1).size(0)) if setup.first.dims else UNKNOWN


def _filter(setup: Setup, i: int) -> Shape:
    """As many items as pass while the net runs: all of them when it is built."""
    bottom = setup.bottom(i)
    return bottom.resized(0, setup.first.size(0)) if bottom.dims else UNKNOWN


def _check_concat(setup: SetupCheck) -> None:
    """Demand bottoms alike but for one axis."""
    axis = _axis_or_dim(setup, "concat_param", "concat_dim")
    if setup.faults:
        return
    first = setup.bottom()
    for i in range(1, len(setup.bottoms)):
        other = setup.bottom(i)
        if first.axes is None or other.axes is None:
            setup.unsure = True
            continue
        if first.axes != other.axes:
            setup.fault(
                Kind.SHAPES, f"Concat of {setup.called(0)} and {setup.called(i)}, which have not "
                "as many axes", bottoms=(0, i),
            )  # fmt: skip
            continue
        for j in range(first.axes):
            if j != axis and setup.differ(first.dims[j], other.dims[j]):
                setup.fault(
                    Kind.SHAPES, f"Concat along axis {axis} of {setup.called(0)} and "
                    f"{setup.called(i)}, which differ in axis {j}", bottoms=(0, i),
                )  # fmt: skip
                break
    if len(setup.bottoms) == 1:
        has_memory(setup)
        if setup.building.shares_with_another_only:
            own_top(setup)


def _check_slice(setup: SetupCheck) -> None:
    """Demand points in order, one less than tops, or equal parts."""
    name = "slice_param"
    axis = _axis_or_dim(setup, name, "slice_dim")
    if setup.faults:
        return
    points = setup.integers(name, "slice_point")
    size = None if axis is None else setup.bottom().size(axis)
    tops = len(setup.layer.top_names)
    if not points:
        if size is None:
            setup.unsure = setup.unsure or tops > 1
        elif size % tops:
            setup.fault(
                Kind.SHAPES, f"{tops} tops do not divide the {size} of axis {axis} of "
                f"{setup.called()}", bottoms=(0,),
            )  # fmt: skip
        if tops == 1:
            has_memory(setup)
            if setup.building.shares_with_another_only:
                own_top(setup)
        return
    if len(points) != tops - 1:
        setup.fault(
            Kind.CONTRADICTION, f"{len(points)} slice_point for {tops} tops; it takes {tops - 1}",
            at=(name, "slice_point"),
        )  # fmt: skip
        return
    if setup.exceeds(tops, size):
        setup.fault(Kind.SHAPES, f"{tops} tops for the {size} of axis {axis} of {setup.called()}",
                    bottoms=(0,))  # fmt: skip
        return
    last = 0
    for point in points:
        if point <= last:
            setup.fault(Kind.RANGE, f"slice_point {point} after {last}; they must rise from 1 on",
                        at=(name, "slice_point"))  # fmt: skip
            return
        last = point
    if setup.exceeds(last, size):
        setup.fault(
            Kind.RANGE, f"slice_point {last} is beyond the {size} of axis {axis} of "
            f"{setup.called()}", at=(name, "slice_point"), bottoms=(0,),
        )  # fmt: skip


def _axis_or_dim(setup: SetupCheck, parameter: str, older: str) -> int | None:
    """Return the axis, in its new form or the old one; None after a fault or where unknown."""
    if setup.given(parameter, older) and setup.given(parameter, "axis"):
        setup.fault(Kind.CONTRADICTION, f"axis and {older} exclude each other; keep axis",
                    at=(parameter, older))  # fmt: skip
        return None
    if not setup.given(parameter, older):
        return setup.axis(parameter, "axis", 1)
    axis, axes = setup.integer(parameter, older, 1), setup.bottom().axes
    if axes is not None and axis >= axes:
        setup.fault(Kind.AXIS, f"{older} {axis} is out of range: {setup.called()} has {axes} axes",
                    at=(parameter, older), bottoms=(0,))  # fmt: skip
        return None
    return axis


def _check_split(setup: SetupCheck) -> None:
    """Demand tops that are not the bottom."""
    layer = setup.layer
    for i, top in enumerate(layer.tops):
        if top.name == layer.bottoms[0].name and i in setup.in_place:
            setup.fault(Kind.IN_PLACE, "Split does not work in place", span=top.span)
            return


def _check_crop(setup: SetupCheck) -> None:
    """Demand that the second bottom fits into the first from an axis on."""
    name = "crop_param"
    axis = setup.axis(name, "axis", 2)
    axes = setup.axes()
    if axis is None or axes is None or setup.faults:
        return
    offsets = setup.integers(name, "offset")
    if len(offsets) > 1 and axis + len(offsets) != axes:
        setup.fault(
            Kind.CONTRADICTION, f"{len(offsets)} offset for the {axes - axis} axes from {axis} on "
            f"of {setup.called()}", at=(name, "offset"),
        )  # fmt: skip
        return
    for i in range(axis, axes):
        if setup.axis_of(i, f"axis {i}", 1) is None:
            if setup.faults:
                return
            continue
        offset = offsets[0] if len(offsets) == 1 else offsets[i - axis] if offsets else 0
        size, other = setup.bottom(0).size(i), setup.bottom(1).size(i)
        if setup.exceeds(other, None if size is None else size - offset):
            setup.fault(
                Kind.WINDOW, f"{setup.called(1)} does not fit into {setup.called(0)} in axis {i}"
                + (f" from {offset} on" if offset else ""), bottoms=(0, 1),
            )  # fmt: skip
            return


def _check_tile(setup: SetupCheck) -> None:
    """Demand an axis and how often."""
    setup.axis("tile_param", "axis", 1)
    above_zero(setup, "tile_param", "tiles")


def _check_filter(setup: SetupCheck) -> None:
    """Demand a top for each bottom but the last, which selects."""
    layer = setup.layer
    if len(layer.tops) != len(layer.bottoms) - 1:
        setup.fault(
            Kind.COUNT, f"Filter gives a top for each bottom but the last, here {len(layer.tops)} "
            f"for {len(layer.bottoms)}",
        )  # fmt: skip
        return
    last = len(layer.bottoms) - 1
    selector = setup.bottom(last)
    if selector.axes is None:
        setup.unsure = True
    for values in selector.dims[1:]:
        if setup.differ(values, 1):
            setup.fault(
                Kind.SHAPES, f"the selector {setup.called(last)} must have one value for each item",
                bottoms=(last,),
            )  # fmt: skip
            return
    for i in range(last):
        if setup.axis_of(0, "axis 0", i) is None and setup.faults:
            return
        if setup.axis_of(0, "axis 0", last) is None and setup.faults:
            return
        if setup.differ(selector.size(0), setup.bottom(i).size(0)):
            setup.fault(
                Kind.SHAPES, f"{setup.called(i)} and the selector {setup.called(last)} have not as "
                "many items", bottoms=(i, last),
            )  # fmt: skip
            return


def _check_batch_reindex(setup: SetupCheck) -> None:
    """Demand one axis of indices."""
    axes = setup.axes(1)
    if axes is not None and axes != 1:
        setup.fault(
            Kind.AXIS, f"BatchReindex takes one axis of indices, {setup.called(1)} has {axes}",
            bottoms=(1,),
        )  # fmt: skip


# Split gives its bottom's memory on as each top (ShareData).
TYPES = (
    LayerType("BatchReindex", (), TWO, ONE, _batch_reindex, check=_check_batch_reindex),
    LayerType("Concat", ("concat_param",), at_least(1), ONE, _concat, check=_check_concat),
    LayerType("Crop", ("crop_param",), TWO, ONE, _crop, check=_check_crop),
    LayerType("Filter", (), at_least(2), at_least(1), _filter, check=_check_filter),
    LayerType("Slice", ("slice_param",), ONE, at_least(1), _slice, check=_check_slice),
    LayerType(
        "Split", (), ONE, at_least(1), first,
        in_place=InPlace.ABORTS, shares_memory=True, keeps_shape=True, check=_check_split,
        # Intel's engine.
        reads_of=MappingProxyType({"split_param": frozenset({"engine"})}),
    ),
    LayerType("Tile", ("tile_param",), ONE, ONE, _tile, check=_check_tile),
)  # fmt: skip
