"""The sizes of a deploy net's inputs, from whoever knows them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import prod

from protolint.errors import InputError
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.inputs import input_shapes
from protolint.net.net import Net
from protolint.net.parameters import layer_parameters
from protolint.net.shapes import bottom_shapes, shapes, shapes_with
from protolint.net.view import BlobVersion, View

__all__ = ["sizes_of", "square_sizes"]

#: The largest image that is tried, in pixels of a side.
_MOST = 4096

_CONVOLUTIONS = ("Convolution",)
_IMAGE = 4
_EXAMPLE = (1, 3, 224, 224)


def sizes_of(
    net: Net,
    view: View,
    inputs: Sequence[BlobVersion],
    missing: Sequence[str],
    given: Mapping[str, Shape],
    weights: Mapping[str, Sequence[tuple[int, ...]]],
) -> dict[str, tuple[int, ...]]:
    """Return the size of each input, by its blob.

    What is `given` counts first, then the net: an Input layer as it is, a data layer with a
    batch of 1, its crop and its channels; then the deploy net beside it, and the first
    convolution in the weights (`weights` has the shapes of each layer's blobs), which says how
    many channels there are. Raises InputError for an input of which that is not enough.
    """
    known = shapes(net, view)
    sibling = _sibling(net)
    found = {}
    for version in inputs:
        shape = known.get(version, Shape())
        if version.producer is not None and version.producer.type != "Input":
            shape = _of_one(shape)
        found[version.name] = given.get(version.name) or _filled(
            _filled(shape, sibling.get(version.name)), _by_weights(version, weights, shape)
        )
    for name in missing:
        found[name] = given.get(name) or _filled(Shape(), sibling.get(name))
    open_ones = [name for name, shape in found.items() if not _is_complete(shape)]
    if open_ones:
        name = open_ones[0]
        sizes, fitting = found[name].lead(_IMAGE), None
        if len(open_ones) == 1 and sizes[1] and sizes[2:] == (None, None):
            fitting = square_sizes(net, view, name, sizes[1], weights)
        likely, hint = _EXAMPLE, ""
        if fitting is not None:
            low, high = fitting[0], fitting[-1]
            likely = (*_EXAMPLE[:2], low, low)
            each = f"{low} pixels" if low == high else f"{low} to {high} pixels"
            hint = f", and the weights fit a square of {each} each way"
        example = ",".join(str(a or b) for a, b in zip(sizes, likely, strict=True))
        raise InputError(
            net.source.path,
            f"the size of the input '{name}' is not known ({found[name]}){hint}; say it, as in"
            f" --input-shape {name}={example}",
        )
    return {name: tuple(dim or 0 for dim in shape.dims) for name, shape in found.items()}


def _is_complete(shape: Shape) -> bool:
    return shape.complete and all(shape.dims)


def _of_one(shape: Shape) -> Shape:
    """Return the shape with a batch of 1."""
    return shape.resized(0, 1) if shape.dims else shape


def _filled(shape: Shape, other: Shape | None) -> Shape:
    """Return a shape with its open sizes taken from another."""
    if other is None or _is_complete(shape):
        return shape
    if not shape.complete:
        return other if not shape.dims or len(other.dims) >= len(shape.dims) else shape
    if len(shape.dims) != len(other.dims):
        return shape
    return Shape.of(a or b for a, b in zip(shape.dims, other.dims, strict=True))


def _sibling(net: Net) -> dict[str, Shape]:
    """Return the input sizes of the deploy net that lies beside a training net."""
    other = net.sibling
    if other is None:
        return {}
    found = dict(input_shapes(other))
    for view in other.views:
        known = shapes(other, view)
        for layer in view.layers:
            if layer.type == "Input":
                found.update((v.name, known[v]) for v in view.tops[layer.index])
    return found


def _by_weights(
    version: BlobVersion, weights: Mapping[str, Sequence[tuple[int, ...]]], shape: Shape
) -> Shape | None:
    """Return what a convolution that reads an input says of its channels."""
    if len(shape.dims) not in (0, _IMAGE):
        return None
    for reader in version.readers:
        blobs = weights.get(reader.name, ())
        if reader.type in _CONVOLUTIONS and blobs and len(blobs[0]) == _IMAGE:
            param = reader.parameter("convolution_param")
            group = param.integer("group") if param is not None and "group" in param else 1
            return Shape.of((1, blobs[0][1] * group, None, None))
    return None


def square_sizes(
    net: Net,
    view: View,
    name: str,
    channels: int,
    weights: Mapping[str, Sequence[tuple[int, ...]]],
) -> range | None:
    """Return the heights and widths of a square image that every InnerProduct has weights for.

    None where they say nothing of it. What an InnerProduct reads never shrinks when the image
    grows, so that the first and the last size can be looked for by halves.
    """
    wanted = [
        (layer, prod(weights[layer.name][0]))
        for layer in view.layers
        if layer.type == "InnerProduct" and weights.get(layer.name)
    ]
    if not wanted:
        return None

    def excess(pixels: int) -> int:
        """Return 1 where that is too large for some layer, -1 where it is too small."""
        known = shapes_with(net, view, {name: Shape.of((1, channels, pixels, pixels))})
        found = [_difference(net, view, layer, known, count) for layer, count in wanted]
        return 1 if 1 in found else min(found)

    sizes = range(1, _MOST + 1)
    first, end = (bisect_left(sizes, least, key=excess) for least in (0, 1))
    if first == end or end == len(sizes):
        return None
    return sizes[first:end]


def _difference(
    net: Net, view: View, layer: Layer, known: Mapping[BlobVersion, Shape], count: int
) -> int:
    """Return whether a layer has more weights than so many (1), fewer (-1), or as many (0)."""
    made = layer_parameters(net, layer, bottom_shapes(view, layer, known))
    values = made[0].shape.values if made else None
    return -1 if values is None else (values > count) - (values < count)
