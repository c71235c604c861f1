"""What can be told of a blob without running Caffe: where it comes from, its axes, its channels.

Each function goes down a view once and answers for every version in it; what cannot be told
is None. Sources: LayerSetUp and Reshape of the layers named (src/caffe/layers @ BVLC master,
NVIDIA v0.14.5 to v0.17.4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from protolint.layers.catalogue import SHAPE_KEEPING
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View

__all__ = ["Shape", "origins", "shapes"]


class Shape(NamedTuple):
    """The number of axes of a blob and the size of axis 1, its channels."""

    axes: int | None = None
    channels: int | None = None

    @classmethod
    def of(cls, dims: list[int]) -> Shape:
        """The shape that a list of sizes declares; a size of 0 says nothing."""
        return cls(len(dims), (dims[1] or None) if len(dims) > 1 else None)


UNKNOWN = Shape()


def origins(view: View) -> dict[BlobVersion, BlobVersion]:
    """For each version the one its chain of shape-keeping layers begins with."""
    found: dict[BlobVersion, BlobVersion] = {}
    for layer in view.layers:
        bottoms = view.bottoms[layer.index]
        first = bottoms[0] if bottoms else None
        for version in bottoms:
            if version is not None:
                found.setdefault(version, version)
        for top in view.tops[layer.index]:
            kept = first is not None and layer.type in SHAPE_KEEPING
            found[top] = found[first] if first is not None and kept else top
    return found


def shapes(net: Net, view: View) -> dict[BlobVersion, Shape]:
    """The shape of each version, as far as the net declares it."""
    declared = _declared(net)
    found: dict[BlobVersion, Shape] = {}
    for layer in view.layers:
        bottoms = [
            found.setdefault(version, declared.get(version.name, UNKNOWN)) if version else UNKNOWN
            for version in view.bottoms[layer.index]
        ]
        rule = _RULES.get(layer.type)
        for i, top in enumerate(view.tops[layer.index]):
            found[top] = rule(layer, i, bottoms) if rule is not None else UNKNOWN
    return found


def _declared(net: Net) -> dict[str, Shape]:
    """The net's own inputs; `input_shape` wins over `input_dim`, four of which make an input."""
    message = net.message
    declared = [Shape.of(shape.integers("dim")) for shape in message.messages("input_shape")]
    if not declared:
        dims = message.integers("input_dim")
        declared = [Shape.of(dims[i : i + 4]) for i in range(0, len(dims) - 3, 4)]
    return dict(zip(net.inputs, declared, strict=False))


def _integer(layer: Layer, parameter: str, field: str, default: int) -> int:
    message = layer.parameter(parameter)
    return message.integer(field) if message is not None and field in message else default


def _flag(layer: Layer, parameter: str, field: str, default: bool) -> bool:
    message = layer.parameter(parameter)
    return message.flag(field) if message is not None and field in message else default


def _axis(axis: int, axes: int | None) -> int | None:
    """An axis counted from the front (CanonicalAxisIndex)."""
    if axis >= 0:
        return axis
    return axes + axis if axes is not None and axes + axis >= 0 else None


# One function per kind of layer: the shape of top `i` from those of the bottoms.
_Rule = Callable[[Layer, int, "list[Shape]"], Shape]


def _first(_layer: Layer, _i: int, bottoms: list[Shape]) -> Shape:
    return bottoms[0] if bottoms else UNKNOWN


def _any(_layer: Layer, _i: int, bottoms: list[Shape]) -> Shape:
    """The common shape of all bottoms."""
    axes = next((b.axes for b in bottoms if b.axes is not None), None)
    return Shape(axes, next((b.channels for b in bottoms if b.channels is not None), None))


def _convolution(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    axes = bottoms[i].axes if i < len(bottoms) else None
    if _axis(_integer(layer, "convolution_param", "axis", 1), axes) != 1:
        return Shape(axes)
    return Shape(axes, _integer(layer, "convolution_param", "num_output", 0) or None)


def _pooling(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    return Shape(4, _first(layer, i, bottoms).channels)


def _inner_product(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    bottom = _first(layer, i, bottoms)
    axis = _axis(_integer(layer, "inner_product_param", "axis", 1), bottom.axes)
    if axis is None:
        return UNKNOWN
    outputs = _integer(layer, "inner_product_param", "num_output", 0) or None
    return Shape(axis + 1, outputs if axis == 1 else bottom.channels if axis > 1 else None)


def _flatten(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    bottom = _first(layer, i, bottoms)
    start = _axis(_integer(layer, "flatten_param", "axis", 1), bottom.axes)
    last = _integer(layer, "flatten_param", "end_axis", -1)
    end = _axis(last, bottom.axes)
    if start is None:
        return UNKNOWN
    channels = bottom.channels if start > 1 else None
    if last == -1:
        return Shape(start + 1, channels)
    if end is None or bottom.axes is None or end < start:
        return UNKNOWN
    return Shape(bottom.axes - (end - start), channels)


def _reshape(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    bottom = _first(layer, i, bottoms)
    parameter = layer.parameter("reshape_param")
    shape = parameter.message("shape") if parameter is not None else None
    if parameter is None or shape is None:
        return UNKNOWN
    dims, start, replaced = (
        shape.integers("dim"),
        parameter.integer("axis"),
        parameter.integer("num_axes"),
    )
    if start < 0 and bottom.axes is not None:
        start += bottom.axes + 1
    if start < 0 or (replaced >= 0 and bottom.axes is None):
        return UNKNOWN
    kept = start if bottom.axes is None or replaced < 0 else bottom.axes - replaced
    if start > 1:
        return Shape(kept + len(dims), bottom.channels)
    size = dims[1 - start] if 1 - start < len(dims) else -1
    channels = bottom.channels if size == 0 else size
    return Shape(kept + len(dims), channels if channels is not None and channels > 0 else None)


def _reduction(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    bottom = _first(layer, i, bottoms)
    axis = _axis(_integer(layer, "reduction_param", "axis", 0), bottom.axes)
    return Shape(axis, bottom.channels if axis is not None and axis > 1 else None)


def _concat(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    axes = _any(layer, i, bottoms).axes
    written = _integer(
        layer, "concat_param", "axis", _integer(layer, "concat_param", "concat_dim", 1)
    )
    axis = _axis(written, axes)
    if axis is None:
        return Shape(axes)
    if axis != 1:
        return _any(layer, i, bottoms)
    known = [bottom.channels for bottom in bottoms if bottom.channels is not None]
    return Shape(axes, sum(known) if known and len(known) == len(bottoms) else None)


def _slice(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    bottom = _first(layer, i, bottoms)
    old_form = _integer(layer, "slice_param", "slice_dim", 1)
    axis = _axis(_integer(layer, "slice_param", "axis", old_form), bottom.axes)
    return bottom if axis is not None and axis != 1 else Shape(bottom.axes)


def _crop(layer: Layer, i: int, bottoms: list[Shape]) -> Shape:
    bottom = _first(layer, i, bottoms)
    axis = _axis(_integer(layer, "crop_param", "axis", 2), bottom.axes)
    return bottom if axis is not None and axis > 1 else Shape(bottom.axes)


def _input(layer: Layer, i: int, _bottoms: list[Shape]) -> Shape:
    """One shape for every top, or one for each."""
    parameter = layer.parameter("input_param") or layer.parameter("dummy_data_param")
    given = parameter.messages("shape") if parameter is not None else []
    if len(given) == 1 or i < len(given):
        return Shape.of(given[min(i, len(given) - 1)].integers("dim"))
    channels = parameter.integers("channels") if parameter is not None else []
    if len(channels) == 1 or i < len(channels):
        return Shape(4, channels[min(i, len(channels) - 1)] or None)
    return UNKNOWN


def _data(layer: Layer, i: int, _bottoms: list[Shape]) -> Shape:
    """Images and their labels; only MemoryData says how many channels there are."""
    if i > 0:
        return UNKNOWN
    return Shape(4, _integer(layer, "memory_data_param", "channels", 0) or None)


_RULES: dict[str, _Rule] = {
    **dict.fromkeys((*SHAPE_KEEPING, "Clip", "LRN", "MVN", "Softmax", "Split", "Swish"), _first),
    **dict.fromkeys(("Convolution", "Deconvolution"), _convolution),
    **dict.fromkeys(("Data", "ImageData", "MemoryData", "WindowData"), _data),
    **dict.fromkeys(("DummyData", "Input"), _input),
    "Concat": _concat,
    "Crop": _crop,
    "Eltwise": _any,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "Pooling": _pooling,
    "Reduction": _reduction,
    "Reshape": _reshape,
    "Slice": _slice,
}
