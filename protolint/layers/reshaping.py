"""Layers that put the values of a blob in another shape or order.

Sources: the layers' files in src/caffe/layers and include/caffe/layers @ BVLC master, NVIDIA
v0.14.5 to v0.17.4; permute_layer.cpp @ weiliu89/caffe ssd; reorg_layer.cpp @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from protolint.layers.base import (
    ONE,
    InPlace,
    LayerType,
    Setup,
)
from protolint.layers.checks import above_zero, has_memory, own_top
from protolint.layers.fields import flag, integer, integers, size
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, canonical, known_size, product, written

__all__ = ["TYPES"]


def _flatten(setup: Setup, _i: int) -> Shape:
    """Make one axis of those from `axis` to `end_axis`; of size 1 where there is none."""
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


def _check_flatten(setup: SetupCheck) -> None:
    """Demand a top of its own; two axes in order."""
    if not own_top(setup):
        return
    start = setup.axis("flatten_param", "axis", 1)
    end = setup.axis("flatten_param", "end_axis", -1)
    if start is not None and end is not None and start > end + 1:
        setup.fault(
            Kind.AXIS, f"axis {start} is behind end_axis {end}", at=("flatten_param", "end_axis")
        )


def _check_reshape(setup: SetupCheck) -> None:
    """Demand a top of its own; one -1 at most; axes to copy and as many values as before."""
    if not own_top(setup):
        return
    name = "reshape_param"
    message = setup.message(name)
    shape = message.message("shape") if message is not None else None
    dims = shape.integers("dim") if shape is not None else []
    if dims.count(-1) > 1:
        setup.fault(Kind.CONTRADICTION, "more than one -1 in the new shape", at=(name, "shape"))
        return
    axes = setup.axes()
    if axes is None:
        return
    given, count = setup.integer(name, "axis", 0), setup.integer(name, "num_axes", -1)
    start = given if given >= 0 else axes + given + 1
    if not 0 <= start <= axes:
        setup.fault(
            Kind.AXIS, f"axis {given} is out of range: {setup.called()} has {axes} axes",
            at=(name, "axis"), bottoms=(0,),
        )  # fmt: skip
        return
    if count < -1:
        setup.fault(Kind.RANGE, f"num_axes {count}", at=(name, "num_axes"))
        return
    end = axes if count == -1 else start + count
    if end > axes:
        setup.fault(
            Kind.AXIS, f"axis {start} and num_axes {count} are too much for {setup.called()}",
            at=(name, "num_axes"), bottoms=(0,),
        )  # fmt: skip
        return
    copied = [i for i, dim in enumerate(dims) if dim == 0]
    for i in copied:
        if start + i >= axes:
            setup.fault(
                Kind.AXIS, f"the new shape copies axis {start + i}, {setup.called()} has {axes} "
                f"axes", at=(name, "shape"), bottoms=(0,),
            )  # fmt: skip
            return
    _check_values(setup, dims, [*range(start), *range(end, axes), *(start + i for i in copied)])
    if not setup.faults:
        has_memory(setup)


def _check_values(setup: SetupCheck, dims: list[int], kept: list[int]) -> None:
    """Demand that the `kept` axes and the new shape hold as many values as before."""
    bottom, at = setup.bottom(), ("reshape_param", "shape")
    numbers = [dim for dim in dims if dim not in (0, -1)]
    sizes = [bottom.size(axis) for axis in kept]
    # Axes that are kept or copied cancel out, whether their size is known or not.
    unknown = [axis for axis, size in enumerate(bottom.dims) if size is None]
    if unknown == sorted(axis for axis in kept if bottom.size(axis) is None):
        total = product(size for size in bottom.dims if size is not None)
        explicit = product((*(size for size in sizes if size is not None), *numbers))
    else:
        total, explicit = setup.count(bottom), product((*sizes, *numbers))
    if -1 in dims:
        if total is None or explicit is None:
            setup.unsure = True
        elif explicit == 0:
            setup.fault(
                Kind.EMPTY, f"-1 divides by the size of {setup.called()}, which is empty",
                at=at, bottoms=(0,),
            )  # fmt: skip
        elif total % explicit:
            setup.fault(
                Kind.SHAPES, f"the new shape {written(dims)} does not divide {setup.called()}: "
                f"{total} values by {explicit}", at=at, bottoms=(0,),
            )  # fmt: skip
    elif any(dim < 0 for dim in dims):
        setup.fault(Kind.RANGE, f"a size below -1 in the new shape {written(dims)}", at=at)
    elif setup.differ(total, explicit):
        setup.fault(
            Kind.SHAPES, f"the new shape {written(dims)} holds {explicit} values, "
            f"{setup.called()} holds {total}", at=at, bottoms=(0,),
        )  # fmt: skip


def _check_permute(setup: SetupCheck) -> None:
    """Demand axes in range, each once."""
    axes = setup.axes()
    seen: set[int] = set()
    for order in setup.integers("permute_param", "order"):
        if axes is not None and order >= axes:
            setup.fault(
                Kind.AXIS, f"order {order} is out of range: {setup.called()} has {axes} axes",
                at=("permute_param", "order"), bottoms=(0,),
            )  # fmt: skip
            return
        if order in seen:
            setup.fault(Kind.CONTRADICTION, f"order {order} is given twice",
                        at=("permute_param", "order"))  # fmt: skip
            return
        seen.add(order)


def _check_reorg(setup: SetupCheck) -> None:
    """Demand a stride, which sizes are divided by."""
    if above_zero(setup, "reorg_param", "stride"):
        setup.four_axes_at_most()


# Flatten, Reshape and Split give their bottom's memory on as the top (ShareData).
TYPES = (
    LayerType(
        "Flatten", ("flatten_param",), ONE, ONE, _flatten,
        in_place=InPlace.ABORTS, shares_memory=True, check=_check_flatten,
    ),
    LayerType("Permute", ("permute_param",), ONE, ONE, _permute, check=_check_permute),
    LayerType(
        "Reorg", ("reorg_param",), ONE, ONE, _reorg, in_place=InPlace.ABORTS, check=_check_reorg,
    ),
    LayerType(
        "Reshape", ("reshape_param",), ONE, ONE, _reshape,
        in_place=InPlace.ABORTS, shares_memory=True, check=_check_reshape,
    ),
)  # fmt: skip
