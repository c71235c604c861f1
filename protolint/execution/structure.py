"""Layers that move values and compute none, or sum them up along an axis.

Split, Flatten and Reshape share their bottom's memory, as do a Concat of one bottom and a
Slice of one top. Sources: the layer's own file in src/caffe/layers @ BVLC master, NVIDIA
v0.15.14 and v0.17.4; permute_layer.cpp @ v0.17.4, axpy_layer.cpp @ v0.17.4.
"""

from __future__ import annotations

from math import prod

import numpy as np

from protolint.execution.step import Array, Function, Step

__all__ = ["FUNCTIONS"]


def _split(step: Step) -> list[Array]:
    return [step.bottom()] * len(step.layer.tops)


def _axis_of(step: Step, parameter: str, older: str) -> int:
    """Return the `axis` of a Concat or Slice, or what its older form says."""
    param = step.param(parameter)
    return step.axis(param.integer(older if older in param else "axis"))


def _concat(step: Step) -> list[Array]:
    axis = _axis_of(step, "concat_param", "concat_dim")
    if len(step.bottoms) == 1:
        return [step.bottom()]
    others = {(*b.shape[:axis], *b.shape[axis + 1 :]) for b in step.bottoms}
    if len(others) > 1:
        shapes = ", ".join(str(bottom.shape) for bottom in step.bottoms)
        raise step.error(f"its bottoms differ along other axes than {axis}: {shapes}")
    return [np.concatenate(step.bottoms, axis)]


def _slice(step: Step) -> list[Array]:
    bottom, count = step.bottom(), len(step.layer.tops)
    axis = _axis_of(step, "slice_param", "slice_dim")
    if count == 1:
        return [bottom]
    points = step.param("slice_param").integers("slice_point")
    if not points:
        if bottom.shape[axis] % count:
            raise step.error(f"cannot cut {bottom.shape[axis]} into {count} equal parts")
        points = [bottom.shape[axis] // count * i for i in range(1, count)]
    return [part.copy() for part in np.split(bottom, points, axis)]


def _flatten(step: Step) -> list[Array]:
    param, bottom = step.param("flatten_param"), step.bottom()
    start, end = step.axis(param.integer("axis")), step.axis(param.integer("end_axis"))
    return [bottom.reshape(*bottom.shape[:start], -1, *bottom.shape[end + 1 :])]


def _reshape(step: Step) -> list[Array]:
    """Return the same memory; 0 copies an axis, -1 takes what is left."""
    param, bottom = step.param("reshape_param"), step.bottom()
    written = param.message("shape")
    dims = written.integers("dim") if written is not None else []
    start, replaced = param.integer("axis"), param.integer("num_axes")
    start = start if start >= 0 else bottom.ndim + start + 1
    end = bottom.ndim if replaced == -1 else start + replaced
    if not 0 <= start <= end <= bottom.ndim:
        raise step.error(f"its axes are not those of a bottom of {bottom.ndim}")
    sizes = [bottom.shape[start + i] if dim == 0 else dim for i, dim in enumerate(dims)]
    shape = (*bottom.shape[:start], *sizes, *bottom.shape[end:])
    known = prod(dim for dim in shape if dim != -1)
    if known != bottom.size if -1 not in shape else bottom.size % known:
        raise step.error(f"{bottom.shape} cannot be {shape}")
    return [bottom.reshape(shape)]


def _permute(step: Step) -> list[Array]:
    order = step.param("permute_param").integers("order")
    order += [axis for axis in range(step.bottom().ndim) if axis not in order]
    return [step.bottom().transpose(order).copy()]


def _crop(step: Step) -> list[Array]:
    param, bottom, like = step.param("crop_param"), step.bottom(), step.bottom(1)
    start, offsets = step.axis(param.integer("axis")), param.integers("offset")
    places = [slice(None)] * bottom.ndim
    for axis in range(start, bottom.ndim):
        first = offsets[0 if len(offsets) == 1 else axis - start] if offsets else 0
        if first + like.shape[axis] > bottom.shape[axis]:
            raise step.error(f"cannot crop {bottom.shape} to {like.shape} from {first} on")
        places[axis] = slice(first, first + like.shape[axis])
    return [bottom[tuple(places)].copy()]


def _tile(step: Step) -> list[Array]:
    param = step.param("tile_param")
    times = [1] * step.bottom().ndim
    times[step.axis(param.integer("axis"))] = param.integer("tiles")
    return [np.tile(step.bottom(), times)]


def _reduction(step: Step) -> list[Array]:
    param, bottom = step.param("reduction_param"), step.bottom()
    axis, operation = step.axis(param.integer("axis")), param.text("operation")
    rows = bottom.reshape(*bottom.shape[:axis], -1).astype(np.float64)
    if operation == "ASUM":
        rows = np.abs(rows)
    elif operation == "SUMSQ":
        rows = rows**2
    total = rows.mean(-1) if operation == "MEAN" else rows.sum(-1)
    return [np.asarray(total * param.number("coeff"), np.float32)]


def _batch_reindex(step: Step) -> list[Array]:
    return [step.bottom()[_places(step, step.bottom(1))]]


def _filter(step: Step) -> list[Array]:
    """Keep the items of each bottom whose last bottom is not 0."""
    kept = step.bottoms[-1].reshape(-1) != 0
    return [bottom[kept] for bottom in step.bottoms[:-1]]


def _axpy(step: Step) -> list[Array]:
    factor, values, added = (step.bottom(i) for i in range(3))
    lead = values.shape[:2]
    return [factor.reshape(*lead, *[1] * (values.ndim - 2)) * values + added]


def _nothing(_: Step) -> list[Array]:
    return []


def _places(step: Step, values: Array) -> Array:
    """Return numbers of items; raises ExecutionError for one that there is not."""
    places = values.reshape(-1).astype(np.int64)
    if places.size and not 0 <= places.min() <= places.max() < len(step.bottom()):
        raise step.error(f"asks for item {places.max()} of {len(step.bottom())}")
    return places


FUNCTIONS: dict[str, Function] = {
    "Axpy": _axpy,
    "BatchReindex": _batch_reindex,
    "Concat": _concat,
    "Crop": _crop,
    "Filter": _filter,
    "Flatten": _flatten,
    "HDF5Output": _nothing,
    "Permute": _permute,
    "Reduction": _reduction,
    "Reshape": _reshape,
    "Silence": _nothing,
    "Slice": _slice,
    "Split": _split,
    "Tile": _tile,
}
