"""Layers that take the best or the mean of each window.

Sources: pooling_layer.cpp, spp_layer.cpp in src/caffe/layers and their headers @ BVLC master,
NVIDIA v0.14.5 to v0.17.4; roi_pooling_layer.cpp, psroi_pooling_layer.cpp @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from protolint.layers.base import ONE, TWO, Count, InPlace, LayerType, Setup, between, exactly
from protolint.layers.fields import flag, integer, size, word
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape, product
from protolint.layers.window import POOLING, Window, sides

__all__ = ["TYPES"]

#: Levels above which no image is large enough for a pyramid.
_MOST_LEVELS = 15


def _tops(layer: Layer) -> Count:
    """Return the places of the maxima are a second top (MaxTopBlobs in pooling_layer.hpp)."""
    return between(1, 2 if word(layer, POOLING, "pool", "MAX") == "MAX" else 1)


def _pooling(setup: Setup, _i: int) -> Shape:
    """Four axes; a second top, the places of the maxima, has the same."""
    layer, lead = setup.layer, setup.first.lead(2)
    if flag(layer, POOLING, "global_pooling"):
        return Shape.of((*lead, 1, 1))
    windows = sides(layer)
    # torch_pooling, which NVIDIA declares, is not read (pooling_layer.cpp @ v0.17.3).
    parameter = layer.parameter(POOLING)
    floor = parameter is not None and parameter.text("round_mode") == "FLOOR"
    clips = any(window.pad for window in windows)
    sizes = (setup.first.size(2), setup.first.size(3))
    pooled = (
        None if known is None else _pooled(known, window, floor=floor, clips=clips)
        for known, window in zip(sizes, windows, strict=True)
    )
    return Shape.of((*lead, *pooled))


def _pooled(known: int, window: Window, *, floor: bool, clips: bool) -> int | None:
    """Return rounded up; with padding no window begins behind the image."""
    if window.kernel is None or not window.stride:
        return None
    room = known + 2 * window.pad - window.kernel
    pooled = (room // window.stride if floor else -(-room // window.stride)) + 1
    return pooled - (clips and (pooled - 1) * window.stride >= known + window.pad)


def _spp(setup: Setup, _i: int) -> Shape:
    """Whatever the image, level n of the pyramid has 2^n times 2^n bins."""
    levels = integer(setup.layer, "spp_param", "pyramid_height")
    batch, channels = setup.first.lead(2)
    if levels == 1:
        return Shape.of((batch, channels, 1, 1))
    if not 0 < levels <= _MOST_LEVELS:
        return UNKNOWN
    return Shape.of((batch, product((channels, sum(4**level for level in range(levels))))))


def _roi(setup: Setup, _i: int) -> Shape:
    """One image for each region."""
    name = "roi_pooling_param"
    height, width = size(setup.layer, name, "pooled_h"), size(setup.layer, name, "pooled_w")
    return Shape.of((setup.bottom(1).size(0), setup.first.size(1), height, width))


def _psroi(setup: Setup, _i: int) -> Shape:
    """One image for each region, of as many places as there are groups."""
    name = "psroi_pooling_param"
    group = size(setup.layer, name, "group_size")
    outputs = size(setup.layer, name, "output_dim")
    return Shape.of((setup.bottom(1).size(0), outputs, group, group))


TYPES = (
    LayerType("Pooling", (POOLING,), ONE, _tops, _pooling, in_place=InPlace.WRONG_OUTPUT),
    LayerType("SPP", ("spp_param",), ONE, ONE, _spp),
    LayerType("ROIPooling", ("roi_pooling_param",), TWO, exactly(1), _roi),
    LayerType("PSROIPooling", ("psroi_pooling_param",), TWO, exactly(1), _psroi),
)
