"""Layers that sum up or spread out places of an image: Pooling and its kin.

Sources: pooling_layer.cpp, spp_layer.cpp @ BVLC master; roi_pooling_layer.cpp @
rbgirshick/caffe-fast-rcnn, psroi_pooling_layer.cu @ daijifeng001/caffe-rfcn, upsample_layer.cpp
@ alexgkendall/caffe-segnet 344c113, interp_layer.cpp @ hszhao/PSPNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil

import numpy as np

from protolint.execution.convolution import pixels_under
from protolint.execution.step import Array, Function, Step, sizes_of
from protolint.layers.window import Window
from protolint.layers.window import sides as windows_of

__all__ = ["FUNCTIONS", "average"]

_LEAST = np.finfo(np.float32).min


def _padded(values: Array, sides: Sequence[Window], sizes: Sequence[int], fill: float) -> Array:
    """Return the image with its padding, as far as the last window reaches."""
    reach = [(size - 1) * w.stride + (w.kernel or 0) for size, w in zip(sizes, sides, strict=True)]
    behind = (
        max(0, end - w.pad - room)
        for end, w, room in zip(reach, sides, values.shape[2:], strict=True)
    )
    pads = [(w.pad, after) for w, after in zip(sides, behind, strict=True)]
    if not any(map(any, pads)):
        return values
    return np.pad(values, [(0, 0), (0, 0), *pads], constant_values=fill)


def average(values: Array, sides: Sequence[Window], sizes: Sequence[int]) -> Array:
    """Return the mean of each window (N, C, *sizes); padding counts, what lies behind does not."""
    total = np.zeros((*values.shape[:2], *sizes), np.float32)
    padded = _padded(values, sides, sizes, 0)
    for _, pixels in pixels_under(sides, sizes):
        total += padded[pixels]
    counts = []
    for side, room, size in zip(sides, values.shape[2:], sizes, strict=True):
        starts = np.arange(size) * side.stride - side.pad
        counts.append(np.minimum(starts + (side.kernel or 0), room + side.pad) - starts)
    result: Array = total / np.outer(*counts).astype(np.float32)
    return result


def _largest(
    values: Array, sides: Sequence[Window], sizes: Sequence[int], *, places: bool = False
) -> tuple[Array, Array | None]:
    """Return the largest value of each window, and its place in the image where asked."""
    best = np.full((*values.shape[:2], *sizes), _LEAST, np.float32)
    where = np.full(best.shape, -1, np.float32) if places else None
    down, across = (
        np.arange(size) * side.stride - side.pad for size, side in zip(sizes, sides, strict=True)
    )
    padded = _padded(values, sides, sizes, _LEAST)
    for (i, j), pixels in pixels_under(sides, sizes):
        if where is not None:
            place = (down[:, None] + i) * values.shape[3] + across + j
            where = np.where(padded[pixels] > best, place.astype(np.float32), where)
        np.maximum(best, padded[pixels], out=best)
    return best, where


def _pooling(step: Step) -> list[Array]:
    param, bottom = step.param("pooling_param"), step.bottom()
    if bottom.ndim != 4:
        raise step.error(f"its bottom has {bottom.ndim} axes, and Pooling needs 4")
    method = param.text("pool")
    if param.flag("global_pooling"):
        sides = [Window(room, 1, 0) for room in bottom.shape[2:]]
        sizes = [1, 1]
    else:
        sides = list(windows_of(step.layer))
        shape = step.top_shape()
        sizes = [size or 0 for size in shape.dims[2:]]
        if not all(side.kernel for side in sides) or min(sizes, default=0) < 1:
            raise step.error(f"its window does not fit into {sizes_of(bottom.shape[2:])} pixels")
    if method == "MAX":
        best, where = _largest(bottom, sides, sizes, places=len(step.layer.tops) > 1)
        return [best] if where is None else [best, where]
    if method == "AVE":
        if sizes == [1, 1] and param.flag("global_pooling"):
            return [bottom.mean((2, 3), np.float64, keepdims=True).astype(np.float32)]
        return [average(bottom, sides, sizes)]
    raise step.error(f"pool: {method} has no code for the CPU in any Caffe")


def _spp(step: Step) -> list[Array]:
    """Pool into 2^n times 2^n bins for each level n, and join the levels."""
    param, bottom = step.param("spp_param"), step.bottom()
    levels, method = param.integer("pyramid_height"), param.text("pool")
    if method == "STOCHASTIC":
        raise step.error(f"pool: {method} has no code for the CPU in any Caffe")
    found = []
    for level in range(levels):
        sides, sizes = [], []
        for room in bottom.shape[2:]:
            kernel = ceil(room / 2**level)
            pad = (kernel * 2**level - room + 1) // 2
            size = -(-(room + 2 * pad - kernel) // kernel) + 1
            sides.append(Window(kernel, kernel, pad))
            sizes.append(size - (pad > 0 and (size - 1) * kernel >= room + pad))
        pooled = (
            average(bottom, sides, sizes) if method == "AVE" else _largest(bottom, sides, sizes)[0]
        )
        found.append(pooled)
    if levels == 1:
        return found
    return [np.concatenate([pooled.reshape(len(bottom), -1) for pooled in found], 1)]


def _boxes(step: Step) -> Array:
    """Return the rows of the second bottom: an image's number and four corners."""
    rows = step.bottom(1).reshape(len(step.bottom(1)), -1)
    if rows.shape[1] != 5:
        raise step.error(f"its boxes have {rows.shape[1]} numbers, not 5")
    images = rows[:, 0]
    if images.size and not 0 <= images.min() <= images.max() < len(step.bottom()):
        raise step.error(f"a box is for image {int(images.max())} of {len(step.bottom())}")
    return rows


def _roi_pooling(step: Step) -> list[Array]:
    """Return the largest value in each bin of a box; an empty bin is 0."""
    given, bottom = step.foreign("roi_pooling_param"), step.bottom()
    height, width = (given.integer(name, 0) for name in ("pooled_h", "pooled_w"))
    scale = np.float32(given.number("spatial_scale", 1))
    rows = _boxes(step)
    top = np.zeros((len(rows), bottom.shape[1], height, width), np.float32)
    for n, row in enumerate(rows):
        left, up, right, down = (int(np.floor(c * scale + np.float32(0.5))) for c in row[1:])
        bins = (
            _bins(up, max(down - up + 1, 1), height, bottom.shape[2]),
            _bins(left, max(right - left + 1, 1), width, bottom.shape[3]),
        )
        image = bottom[int(row[0])]
        for (i, (y0, y1)), (j, (x0, x1)) in product(*map(enumerate, bins)):
            if y1 > y0 and x1 > x0:
                top[n, :, i, j] = image[:, y0:y1, x0:x1].max((1, 2))
    return [top]


def _bins(start: int, length: int, count: int, room: int) -> list[tuple[int, int]]:
    size = np.float32(length) / np.float32(count)
    return [
        (
            min(max(int(np.floor(np.float32(i) * size)) + start, 0), room),
            min(max(int(np.ceil(np.float32(i + 1) * size)) + start, 0), room),
        )
        for i in range(count)
    ]


def _psroi_pooling(step: Step) -> list[Array]:
    """Return the mean of each bin of a box, each bin in channels of its own."""
    given, bottom = step.foreign("psroi_pooling_param"), step.bottom()
    outputs, group = (given.integer(name, 0) for name in ("output_dim", "group_size"))
    scale = np.float32(given.number("spatial_scale", 1))
    if bottom.shape[1] != outputs * group * group:
        raise step.error(
            f"its bottom has {bottom.shape[1]} channels, not {outputs}x{group}x{group}"
        )
    rows = _boxes(step)
    top = np.zeros((len(rows), outputs, group, group), np.float32)
    for n, row in enumerate(rows):
        corners = [np.floor(c + np.float32(0.5)) for c in row[1:]]
        left, up, right, down = (np.float32(c + (i > 1)) * scale for i, c in enumerate(corners))
        sizes = [
            max(b - a, np.float32(0.1)) / np.float32(group) for a, b in ((up, down), (left, right))
        ]
        image = bottom[int(row[0])].reshape(outputs, group, group, *bottom.shape[2:])
        for i, j in product(range(group), repeat=2):
            (y0, y1), (x0, x1) = (
                (
                    min(max(int(np.floor(k * size + start)), 0), room),
                    min(max(int(np.ceil((k + 1) * size + start)), 0), room),
                )
                for k, size, start, room in zip(
                    (i, j), sizes, (up, left), bottom.shape[2:], strict=True
                )
            )
            if y1 > y0 and x1 > x0:
                top[n, :, i, j] = image[:, i, j, y0:y1, x0:x1].mean((1, 2))
    return [top]


def _upsample(step: Step) -> list[Array]:
    """Put each value back where a Pooling found it, by the Pooling's second top (SegNet).

    With one bottom repeat each value, upsample_layer.cpp @ eric612/MobileNet-YOLO.
    """
    given, bottom = step.foreign("upsample_param"), step.bottom()
    if len(step.bottoms) == 1:
        times = given.integer("scale", 1)
        return [bottom.repeat(times, -1).repeat(times, -2)]
    scale = given.integer("scale", 2)
    height, width = (
        given.integer(
            f"upsample_{half}",
            size * given.integer(f"scale_{half}", scale) - given.flag(f"pad_out_{half}"),
        )
        for half, size in zip("hw", bottom.shape[2:], strict=True)
    )
    places = step.bottom(1).reshape(*bottom.shape[:2], -1).astype(np.int64)
    if places.size and not 0 <= places.min() <= places.max() < height * width:
        raise step.error(f"its second bottom has places outside {height}x{width} pixels")
    top = np.zeros((*bottom.shape[:2], height * width), np.float32)
    np.put_along_axis(top, places, bottom.reshape(*bottom.shape[:2], -1), 2)
    return [top.reshape(*bottom.shape[:2], height, width)]


def _interp(step: Step) -> list[Array]:
    """Bilinear, with the corners of both images on each other."""
    given, bottom = step.foreign("interp_param"), step.bottom()
    begin, end = (given.integer(name, 0) for name in ("pad_beg", "pad_end"))
    inner = bottom[:, :, -begin : bottom.shape[2] + end, -begin : bottom.shape[3] + end]
    sizes = []
    for name, room in zip(("height", "width"), inner.shape[2:], strict=True):
        shrink, zoom = (given.integer(f, 1) for f in ("shrink_factor", "zoom_factor"))
        size = (room - 1) // shrink + 1
        sizes.append(given.integer(name, size + (size - 1) * (zoom - 1)))
    top = inner
    for axis, size in ((2, sizes[0]), (3, sizes[1])):
        room = top.shape[axis]
        place = np.arange(size, dtype=np.float32)
        place = place * np.float32((room - 1) / (size - 1) if size > 1 else 0)
        low = np.minimum(place.astype(np.int64), room - 1)
        share = (place - low).reshape(-1, *[1] * (3 - axis)).astype(np.float32)
        high = np.minimum(low + 1, room - 1)
        top = (1 - share) * top.take(low, axis) + share * top.take(high, axis)
    return [top]


FUNCTIONS: dict[str, Function] = {
    "Interp": _interp,
    "Pooling": _pooling,
    "PSROIPooling": _psroi_pooling,
    "ROI_POOLING": _roi_pooling,
    "ROIPooling": _roi_pooling,
    "SPP": _spp,
    "Upsample": _upsample,
}
