"""Layers that go over their bottom with a window and weights: convolutions.

Sources: base_conv_layer.cpp, conv_layer.cpp, deconv_layer.cpp, im2col_layer.cpp in
src/caffe/layers, base_conv_layer.hpp in include/caffe/layers @ BVLC master, NVIDIA v0.14.5 to
v0.17.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from protolint.layers.base import (
    ONE,
    Backward,
    Blob,
    InPlace,
    LayerType,
    Setup,
    agreed,
    at_least,
)
from protolint.layers.fields import flag, integer, size
from protolint.layers.shape import UNKNOWN, Shape, canonical, product
from protolint.layers.window import CONVOLUTION, Window, windows

__all__ = ["TYPES", "products_per_place"]


def _axis(setup: Setup, bottom: Shape) -> int | None:
    """Return the axis of the channels, counted from the front."""
    return canonical(integer(setup.layer, CONVOLUTION, "axis", 1), bottom)


if TYPE_CHECKING:
    _SizeOf = Callable[[int, Window], int | None]


def _convolution(setup: Setup, _i: int) -> Shape:
    """`num_output` channels; every top alike, since every bottom is."""
    return _convolved(setup, _shrunk)


def _deconvolution(setup: Setup, _i: int) -> Shape:
    """Return the same, with the sizes that a convolution would come from."""
    return _convolved(setup, _grown)


def _convolved(setup: Setup, size_of: _SizeOf) -> Shape:
    bottom = agreed(setup.bottoms)
    axis = _axis(setup, bottom)
    if axis is None:
        return UNKNOWN
    channels = size(setup.layer, CONVOLUTION, "num_output")
    found = windows(setup.layer, axis, bottom)
    if found is None:
        return Shape((*bottom.lead(axis), channels))
    return Shape.of((*bottom.lead(axis), channels, *_sizes(axis, bottom, found, size_of)))


def _im2col(setup: Setup, _i: int) -> Shape:
    """Return the channels of every place of the window."""
    bottom = setup.first
    axis = _axis(setup, bottom)
    found = None if axis is None else windows(setup.layer, axis, bottom)
    if axis is None or found is None:
        return UNKNOWN
    channels = product((bottom.size(axis), *(window.kernel for window in found)))
    return Shape.of((*bottom.lead(axis), channels, *_sizes(axis, bottom, found, _shrunk)))


def _sizes(axis: int, bottom: Shape, found: list[Window], size_of: _SizeOf) -> list[int | None]:
    known = bottom.dims[axis + 1 :] if bottom.complete else (None,) * len(found)
    return [
        None if size is None else size_of(size, window)
        for size, window in zip(known, found, strict=True)
    ]


def _shrunk(known: int, window: Window) -> int | None:
    """Return rounded towards zero, as C++ divides."""
    if window.extent is None or not window.stride:
        return None
    room = known + 2 * window.pad - window.extent
    return room // window.stride + 1 if room >= 0 else 1 - -room // window.stride


def _grown(known: int, window: Window) -> int | None:
    if window.extent is None:
        return None
    return window.stride * (known - 1) + window.extent - 2 * window.pad


def _blobs(setup: Setup) -> Iterator[Blob]:
    """Output channels, input channels of a group, kernel."""
    outputs = size(setup.layer, CONVOLUTION, "num_output")
    return _weights(setup, outputs, setup.first, turned=False)


def _turned_blobs(setup: Setup) -> Iterator[Blob]:
    """Return the same with input and output channels turned round."""
    outputs = size(setup.layer, CONVOLUTION, "num_output")
    return _weights(setup, outputs, setup.first, turned=True)


def _weights(setup: Setup, outputs: int | None, bottom: Shape, *, turned: bool) -> Iterator[Blob]:
    layer = setup.layer
    axis = _axis(setup, bottom)
    group = integer(layer, CONVOLUTION, "group", 1)
    channels = None if axis is None else bottom.size(axis)
    found = None if axis is None else windows(layer, axis, bottom)
    one, other = (channels, outputs) if turned else (outputs, channels)
    other = other // group if other and group and other % group == 0 else None
    if found is None:
        yield Blob("weights", Shape((one, other)))
    else:
        yield Blob("weights", Shape.of((one, other, *(window.kernel for window in found))))
    if flag(layer, CONVOLUTION, "bias_term", True):
        yield Blob("bias", Shape.of((outputs,)))


def products_per_place(weights: Shape, blobs: Sequence[Shape], width: int | None) -> int | None:
    """Return the products where each weight is used once for each `width` values of blobs."""
    places = [blob.values // width if blob.values is not None and width else None for blob in blobs]
    if weights.values is None or None in places:
        return None
    return weights.values * sum(count or 0 for count in places)


def _products(setup: Setup, tops: Sequence[Shape], blobs: Sequence[Shape]) -> int | None:
    """Each weight is used once for every place of the top."""
    return products_per_place(blobs[0], tops, size(setup.layer, CONVOLUTION, "num_output"))


def _turned_products(setup: Setup, _tops: Sequence[Shape], blobs: Sequence[Shape]) -> int | None:
    """Each weight is used once for every place of the bottom."""
    return products_per_place(blobs[0], setup.bottoms, blobs[0].size(0))


_BACKWARD = Backward(weights=True)

TYPES = (
    LayerType(
        "Convolution", (CONVOLUTION,), at_least(1), at_least(1), _convolution, _blobs, _products,
        InPlace.WRONG_OUTPUT, _BACKWARD, equal=True,
    ),
    LayerType(
        "Deconvolution", (CONVOLUTION,), at_least(1), at_least(1), _deconvolution, _turned_blobs,
        _turned_products, InPlace.WRONG_OUTPUT, _BACKWARD, equal=True,
    ),
    LayerType("Im2col", (CONVOLUTION,), ONE, ONE, _im2col),
)  # fmt: skip
