"""Layers that go over their bottom with a window: convolutions and pooling.

Sources: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp,
pooling_layer.cpp (src/caffe/layers @ BVLC master, NVIDIA v0.14.5 to v0.17.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from protolint.layers.fields import flag, integer, integers
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Case, Shape, canonical, known_size, product

__all__ = ["Window", "convolution", "deconvolution", "im2col", "pooling", "windows"]

#: Fields of a window, their defaults, and their other form along the two axes of an image.
_FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "kernel_size": (0, ("kernel_h", "kernel_w")),
    "stride": (1, ("stride_h", "stride_w")),
    "pad": (0, ("pad_h", "pad_w")),
    "dilation": (1, ()),
}


class Window(NamedTuple):
    """How a layer goes along one axis; `kernel` is None where no size is given."""

    kernel: int | None
    stride: int
    pad: int
    dilation: int = 1

    @property
    def extent(self) -> int | None:
        """The pixels that the kernel spans."""
        return None if self.kernel is None else self.dilation * (self.kernel - 1) + 1


def windows(layer: Layer, axis: int, bottom: Shape) -> list[Window] | None:
    """The window of a convolution along each axis behind its channels, the `axis`.

    None where it cannot be told how many there are: the forms for height and width mean
    two, a list means its length.
    """
    lists = [integers(layer, "convolution_param", field) for field in _FIELDS]
    halves = [
        [integers(layer, "convolution_param", name) for name in names]
        for _, names in _FIELDS.values()
    ]
    if bottom.axes is not None:
        count = bottom.axes - axis - 1
    else:
        count = max(len(given) for given in lists)
        count = 2 if any(map(any, halves)) else count if count > 1 else -1
    if count < 0:
        return None
    columns = []
    for given, pair, (default, _) in zip(lists, halves, _FIELDS.values(), strict=True):
        sizes = [half[0] if half else 0 for half in pair] if any(pair) else given or [default]
        columns.append([sizes[i] if i < len(sizes) else sizes[0] for i in range(count)])
    return [
        Window(known_size(kernel), stride, pad, dilation)
        for kernel, stride, pad, dilation in zip(*columns, strict=True)
    ]


def convolution(case: Case) -> Shape:
    """`num_output` channels; every top alike, since every bottom is."""
    return _convolved(case, _shrunk)


def deconvolution(case: Case) -> Shape:
    """The same, with the sizes that a convolution would come from."""
    return _convolved(case, _grown)


def _convolved(case: Case, size_of: Callable[[int, Window], int | None]) -> Shape:
    bottom = case.common
    axis = canonical(integer(case.layer, "convolution_param", "axis", 1), bottom)
    if axis is None:
        return UNKNOWN
    channels = known_size(integer(case.layer, "convolution_param", "num_output"))
    found = windows(case.layer, axis, bottom)
    if found is None:
        return Shape((*bottom.lead(axis), channels))
    return Shape.of((*bottom.lead(axis), channels, *_sizes(case, axis, bottom, found, size_of)))


def im2col(case: Case) -> Shape:
    """The channels of every place of the window."""
    bottom = case.first
    axis = canonical(integer(case.layer, "convolution_param", "axis", 1), bottom)
    found = None if axis is None else windows(case.layer, axis, bottom)
    if axis is None or found is None:
        return UNKNOWN
    channels = product((bottom.size(axis), *(window.kernel for window in found)))
    return Shape.of((*bottom.lead(axis), channels, *_sizes(case, axis, bottom, found, _shrunk)))


def _sizes(
    case: Case,
    axis: int,
    bottom: Shape,
    found: list[Window],
    size_of: Callable[[int, Window], int | None],
) -> list[int | None]:
    sizes = []
    for i, window in enumerate(found):
        size = bottom.size(axis + 1 + i)
        padded = window._replace(pad=case.padding) if case.padding else window
        sizes.append(None if size is None else size_of(size, padded))
    return sizes


def _shrunk(size: int, window: Window) -> int | None:
    """Rounded towards zero, as C++ divides."""
    if window.extent is None or not window.stride:
        return None
    room = size + 2 * window.pad - window.extent
    return room // window.stride + 1 if room >= 0 else 1 - -room // window.stride


def _grown(size: int, window: Window) -> int | None:
    if window.extent is None:
        return None
    return window.stride * (size - 1) + window.extent - 2 * window.pad


def pooling(case: Case) -> Shape:
    """Four axes; a second top, the places of the maxima, has the same."""
    layer, lead = case.layer, case.first.lead(2)
    if flag(layer, "pooling_param", "global_pooling"):
        return Shape.of((*lead, 1, 1))
    sides = [_side(case, axis) for axis in (0, 1)]
    # torch_pooling, which NVIDIA declares, is not read (pooling_layer.cpp @ v0.17.3).
    parameter = layer.parameter("pooling_param")
    floor = parameter is not None and parameter.text("round_mode") == "FLOOR"
    clips = any(side.pad for side in sides)
    sizes = (case.first.size(2), case.first.size(3))
    pooled = (
        None if size is None else _pooled(size, side, floor=floor, clips=clips)
        for size, side in zip(sizes, sides, strict=True)
    )
    return Shape.of((*lead, *pooled))


def _side(case: Case, axis: int) -> Window:
    """The window of a pooling along the height (0) or the width (1)."""

    def given(field: str) -> int:
        default, halves = _FIELDS[field]
        shared = integer(case.layer, "pooling_param", field, default)
        return integer(case.layer, "pooling_param", halves[axis], shared)

    return Window(known_size(given("kernel_size")), given("stride"), case.padding or given("pad"))


def _pooled(size: int, window: Window, *, floor: bool, clips: bool) -> int | None:
    """Rounded up; with padding no window begins behind the image."""
    if window.kernel is None or not window.stride:
        return None
    room = size + 2 * window.pad - window.kernel
    pooled = (room // window.stride if floor else -(-room // window.stride)) + 1
    return pooled - (clips and (pooled - 1) * window.stride >= size + window.pad)
