"""The Crop of a V1 net: it finds by itself where its second bottom lies in the first.

Sources: crop_layer.cpp, util/coords.hpp and coord_map() of each layer @ longjon/caffe e031116
(branch future).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from protolint.execution.step import Array, Function, Step
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.layers.window import sides, windows
from protolint.net.view import BlobVersion, View

__all__ = ["FUNCTIONS", "offsets"]

#: How a place of one blob is a place of another along one axis: times the first, plus the second.
_Map: TypeAlias = tuple[Fraction, Fraction]
_SAME: _Map = (Fraction(1), Fraction(0))
#: Layers whose tops have their pixels where their bottoms have them.
_STILL = frozenset((
    "AbsVal", "BNLL", "Concat", "Dropout", "Eltwise", "Exp", "Log", "LRN", "MVN", "Power", "PReLU",
    "ReLU", "Sigmoid", "Slice", "Softmax", "Split", "TanH", "Threshold",
))  # fmt: skip
_IMAGE = Shape.of((1, 1, 1, 1))


def _crop(step: Step) -> list[Array]:
    first, (height, width) = step.bottom(), step.bottom(1).shape[2:]
    found = offsets(step.view, step.layer)
    if found is None:
        raise step.error("it is not known where its second bottom lies in the first")
    y, x = found
    if y + height > first.shape[2] or x + width > first.shape[3]:
        raise step.error(f"cannot crop {first.shape} to {height}x{width} from {y}, {x} on")
    return [np.array(first[:, :, y : y + height, x : x + width])]


def offsets(view: View, layer: Layer) -> tuple[int, int] | None:
    """Return the first row and column that are kept; None where they are not known.

    Both bottoms are followed back to the blob that they come from.
    """
    ends = view.bottom(layer), view.bottom(layer, 1)
    paths = [list(_path(view, end)) for end in ends]
    known = {version for version, _ in paths[0]}
    meeting = next((version for version, _ in paths[1] if version in known), None)
    if meeting is None:
        return None
    found = []
    for axis in range(2):
        first, second = (_along(view, path, meeting, axis) for path in paths)
        if first is None or second is None:
            return None
        scale, shift = _joined(second, _turned(first))
        if scale != 1 or shift > 0 or shift.denominator != 1:
            return None
        found.append(-int(shift))
    return found[0], found[1]


def _path(view: View, version: BlobVersion | None) -> Iterator[tuple[BlobVersion, Layer | None]]:
    """Yield a blob, the first bottom of its layer, and so on, each with the layer that wrote it."""
    while version is not None:
        yield version, version.producer
        version = None if version.producer is None else view.bottom(version.producer)


def _along(
    view: View, path: list[tuple[BlobVersion, Layer | None]], end: BlobVersion, axis: int
) -> _Map | None:
    """Return how the places of the last blob of a path are those of its first."""
    total = _SAME
    for version, layer in path:
        if version is end:
            break
        step = None if layer is None else _map(view, layer, axis)
        if step is None:
            return None
        total = _joined(total, step)
    return total


def _map(view: View, layer: Layer, axis: int) -> _Map | None:
    """Return how the places of a layer's bottom are those of its top."""
    if layer.type in _STILL:
        return _SAME
    if layer.type in ("Convolution", "Deconvolution", "Pooling"):
        pooling = layer.type == "Pooling"
        window = sides(layer) if pooling else windows(layer, 1, _IMAGE)
        if window is None or not window[axis].kernel or not window[axis].stride:
            return None
        kernel, stride, pad, _ = window[axis]
        found = Fraction(stride), Fraction((kernel or 0) - 1, 2) - pad
        return found if layer.type == "Deconvolution" else _turned(found)
    if not layer.type and len(layer.bottoms) == 2:
        cut = offsets(view, layer)
        return None if cut is None else (Fraction(1), Fraction(-cut[axis]))
    return None


def _joined(first: _Map, second: _Map) -> _Map:
    """Return the second map, and the first behind it."""
    return first[0] * second[0], first[0] * second[1] + first[1]


def _turned(found: _Map) -> _Map:
    return 1 / found[0], -found[1] / found[0]


FUNCTIONS: dict[str, Function] = {"CROP": _crop}
