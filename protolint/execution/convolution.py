"""Convolution, Deconvolution, Im2col, InnerProduct and Embed: a matrix product each.

Sources: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp,
inner_product_layer.cpp, embed_layer.cpp (src/caffe/layers @ BVLC master, NVIDIA v0.15.14 and
v0.17.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import numpy as np

from protolint.caffe.binder import Message
from protolint.execution.step import Array, Function, Step, sizes_of
from protolint.layers.shape import Shape
from protolint.layers.window import Window, windows
from protolint.record import NamedTuple

__all__ = ["FUNCTIONS", "pixels_under"]

#: All items and channels.
_ALL: tuple[slice, ...] = (slice(None), slice(None))
#: How many values the columns of a part of an image have at most, where a row has no more.
_STRIP = 1 << 23


def pixels_under(
    found: Sequence[Window], sizes: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yield each place in a kernel, and the padded pixels (N, C, ...) under it everywhere."""
    for place in product(*(range(window.kernel or 0) for window in found)):
        pixels = []
        for i, size, window in zip(place, sizes, found, strict=True):
            start = i * window.dilation
            pixels.append(slice(start, start + (size - 1) * window.stride + 1, window.stride))
        yield place, (*_ALL, *pixels)


def _windows(step: Step, axis: int) -> list[Window]:
    """Return the window along each axis behind the channels; raises ExecutionError."""
    found = windows(step.layer, axis, Shape.of(step.bottom().shape))
    if found is None or any(not window.kernel or not window.stride for window in found):
        raise step.error("its kernel has no size")
    return found


def _padded(step: Step, values: Array, found: Sequence[Window]) -> tuple[Array, list[int]]:
    """Return values (N, C, ...) with their padding, and the sizes of the top."""
    rooms = [
        size + 2 * window.pad - (window.extent or 0)
        for size, window in zip(values.shape[2:], found, strict=True)
    ]
    # C++ rounds towards zero, so that a kernel a little too large has a place, half outside.
    sizes = [int(room / w.stride) + 1 for room, w in zip(rooms, found, strict=True)]
    if min(sizes, default=1) < 1:
        raise step.error(f"its kernel does not fit into {sizes_of(values.shape[2:])} pixels")
    pads = [(w.pad, w.pad + max(0, -room)) for w, room in zip(found, rooms, strict=True)]
    if any(map(any, pads)):
        values = np.pad(values, [(0, 0), (0, 0), *pads])
    return values, sizes


def _columns(padded: Array, found: Sequence[Window], sizes: Sequence[int]) -> Array:
    """Return (N, C, kernel, places) of padded values (N, C, ...)."""
    lead, kernel = padded.shape[:2], [window.kernel or 0 for window in found]
    if prod(kernel) == 1 and all(window.stride == 1 for window in found):
        return padded.reshape(*lead, 1, -1)
    columns = np.empty((*lead, *kernel, *sizes), padded.dtype)
    for place, pixels in pixels_under(found, sizes):
        columns[_ALL + place] = padded[pixels]
    return columns.reshape(*lead, prod(kernel), -1)


def _strips(
    padded: Array, found: Sequence[Window], sizes: list[int]
) -> Iterator[tuple[slice, Array]]:
    """Yield the rows of the top of one image in parts, and the columns of each.

    A part is as large as its columns are quick to make and to read again.
    """
    if not sizes:
        yield slice(None), _columns(padded, found, sizes)
        return
    kernel = prod(window.kernel or 0 for window in found)
    width = padded.shape[1] * kernel * prod(sizes[1:])
    rows = max(1, _STRIP // max(width, 1)) if kernel > 1 else sizes[0]
    first = found[0]
    for start in range(0, sizes[0], rows):
        end = min(start + rows, sizes[0])
        pixels = slice(start * first.stride, (end - 1) * first.stride + (first.extent or 0))
        yield slice(start, end), _columns(padded[:, :, pixels], found, [end - start, *sizes[1:]])


def _images(columns: Array, found: Sequence[Window], sizes: Sequence[int]) -> Array:
    """Return the sum of columns (N, C, kernel, ...bottom) at the pixels (N, C, *sizes)."""
    kernel = [window.kernel or 0 for window in found]
    lead, rooms = columns.shape[:2], columns.shape[3:]
    columns = columns.reshape(*lead, *kernel, *rooms)
    padded = np.zeros(
        (*lead, *(size + 2 * w.pad for size, w in zip(sizes, found, strict=True))), columns.dtype
    )
    for place, pixels in pixels_under(found, rooms):
        padded[pixels] += columns[_ALL + place]
    return padded[
        _ALL + tuple(slice(w.pad, w.pad + size) for size, w in zip(sizes, found, strict=True))
    ]


def _flat(values: Array, axis: int) -> Array:
    """Return values with one axis before the channels."""
    return values.reshape(prod(values.shape[:axis]), *values.shape[axis:])


def _bias(step: Step, top: Array, outputs: int) -> None:
    """Add the bias to (N, outputs, places), where the layer has one."""
    if step.param("convolution_param").flag("bias_term"):
        top += step.blob(1, (outputs, 1))


class _Form(NamedTuple):
    """What a Convolution and a Deconvolution say alike."""

    axis: int
    windows: list[Window]
    channels: int
    outputs: int
    group: int

    @property
    def kernel(self) -> int:
        """The values of the kernel for one channel."""
        return prod(window.kernel or 0 for window in self.windows)


def _form(step: Step) -> _Form:
    """Return a layer's form; a depthwise layer of a fork has a group for each channel."""
    param = step.param("convolution_param")
    axis = _axis(step, param)
    channels = step.bottom().shape[axis]
    depthwise = step.layer.type == "ConvolutionDepthwise"
    group = channels if depthwise else param.integer("group")
    if group < 1 or channels % group:
        raise step.error(f"{channels} channels cannot be cut into {group} groups")
    return _Form(axis, _windows(step, axis), channels, _outputs(step, param), group)


def _axis(step: Step, param: Message) -> int:
    """Return the axis of the channels; older schemas have no field for it."""
    return step.axis(param.integer("axis") if "axis" in param else 1)


def _outputs(step: Step, param: Message) -> int:
    """Return num_output; DIGITS fills it in where a net leaves it out."""
    outputs = param.integer("num_output")
    if outputs < 1:
        raise step.error("it has no num_output")
    return outputs


def _convolution(step: Step) -> list[Array]:
    form = _form(step)
    axis, found, channels, outputs, group = form
    size = channels // group * form.kernel
    weights = step.blob(0, (group, outputs // group, size))
    tops = []
    for bottom in step.bottoms:
        padded, sizes = _padded(step, _flat(bottom, axis), found)
        top = np.empty((len(padded), outputs, *sizes), np.float32)
        for image, values in zip(top, padded, strict=True):
            for rows, columns in _strips(values[None], found, sizes):
                made = np.matmul(weights, columns.reshape(group, size, -1))
                image[:, rows] = made.reshape(image[:, rows].shape)
        _bias(step, top.reshape(len(top), outputs, -1), outputs)
        tops.append(top.reshape(*bottom.shape[:axis], outputs, *sizes))
    return tops


def _deconvolution(step: Step) -> list[Array]:
    form = _form(step)
    axis, found, channels, outputs, group = form
    weights = step.blob(0, (group, channels // group, outputs // group * form.kernel))
    tops = []
    for bottom in step.bottoms:
        values = _flat(bottom, axis)
        rooms = values.shape[2:]
        sizes = [
            window.stride * (room - 1) + (window.extent or 0) - 2 * window.pad
            for room, window in zip(rooms, found, strict=True)
        ]
        values = values.reshape(len(values), group, channels // group, -1)
        columns = np.matmul(weights.transpose(0, 2, 1), values)
        columns = columns.reshape(len(values), outputs, form.kernel, *rooms)
        top = _images(columns, found, sizes).reshape(len(values), outputs, -1)
        _bias(step, top, outputs)
        tops.append(top.reshape(*bottom.shape[:axis], outputs, *sizes))
    return tops


def _im2col(step: Step) -> list[Array]:
    axis = _axis(step, step.param("convolution_param"))
    found = _windows(step, axis)
    tops = []
    for bottom in step.bottoms:
        padded, sizes = _padded(step, _flat(bottom, axis), found)
        columns = _columns(padded, found, sizes).copy()
        tops.append(columns.reshape(*bottom.shape[:axis], -1, *sizes))
    return tops


def _inner_product(step: Step) -> list[Array]:
    param = step.param("inner_product_param")
    bottom, outputs, axis = step.bottom(), _outputs(step, param), _axis(step, param)
    rows, size = prod(bottom.shape[:axis]), prod(bottom.shape[axis:])
    if param.flag("transpose"):
        weights = step.blob(0, (size, outputs))
    else:
        weights = step.blob(0, (outputs, size)).T
    top = bottom.reshape(rows, size) @ weights
    if param.flag("bias_term"):
        top += step.blob(1, (outputs,))
    return [top.reshape(*bottom.shape[:axis], outputs)]


def _embed(step: Step) -> list[Array]:
    param = step.param("embed_param")
    size, outputs = param.integer("input_dim"), _outputs(step, param)
    places = step.bottom().astype(np.int64)
    if places.size and not 0 <= places.min() <= places.max() < size:
        raise step.error(f"its bottom holds {places.min()} to {places.max()}, not 0 to {size - 1}")
    top = step.blob(0, (size, outputs))[places]
    if param.flag("bias_term"):
        top = top + step.blob(1, (outputs,))
    return [top]


FUNCTIONS: dict[str, Function] = {
    "Convolution": _convolution,
    "ConvolutionDepthwise": _convolution,
    "Deconvolution": _deconvolution,
    "Embed": _embed,
    "Im2col": _im2col,
    "InnerProduct": _inner_product,
}
