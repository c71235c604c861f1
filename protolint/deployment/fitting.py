"""Which sizes of an image the weights of a net leave open."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import prod

from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.net.parameters import layer_parameters
from protolint.net.shapes import bottom_shapes, shapes_with
from protolint.net.view import BlobVersion, View

__all__ = ["square_sizes"]

_MOST = 4096


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
