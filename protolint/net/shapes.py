"""The shape of every blob of a view, as far as the prototxt decides it.

A view is gone down once; the catalogue of layers gives the shape of a top from those of the
bottoms. What the text leaves open, such as the size of the images in a database, is None;
nothing here fails on a net that Caffe would refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protolint.layers.base import Setup
from protolint.layers.catalogue import ALL_TYPES, is_understood
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.net.facts import fact
from protolint.net.inputs import input_shapes
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View

__all__ = ["bottom_shapes", "made_by", "set_up", "shapes", "shapes_with", "top_shapes"]


@fact
def shapes(net: Net, view: View) -> Mapping[BlobVersion, Shape]:
    """Return the shape of each version in a view, as far as the net decides it."""
    return shapes_with(net, view, {}) if view.twin is None else shapes(net, view.twin)


def shapes_with(net: Net, view: View, given: Mapping[str, Shape]) -> dict[BlobVersion, Shape]:
    """Return the shape of each version in a view, where more is known than the net says.

    `given` holds what the net does not say, by the name of the blob: the shape that an
    input has, or in which the layer that first writes the blob makes it.
    """
    known = {**input_shapes(net), **given}
    found: dict[BlobVersion, Shape] = {}
    for version in view.inputs:
        found[version] = known.get(version.name, UNKNOWN)
    for layer in view.layers:
        reads, writes = view.bottoms[layer.index], view.tops[layer.index]
        kind = ALL_TYPES.get(layer.type)
        if kind is not None and kind.keeps_shape:
            read = reads[0] if reads else None
            tops = (UNKNOWN if read is None else found[read],) * len(writes)
        else:
            bottoms = tuple([found[v] if v else UNKNOWN for v in reads])
            tops = top_shapes(net, layer, bottoms)
        found.update(zip(writes, tops, strict=True))
        if given:
            new = [v for v in writes if v.overwritten is None]
            found.update((v, given[v.name]) for v in new if v.name in given)
    return found


def top_shapes(net: Net, layer: Layer, bottoms: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return the shapes of a layer's tops over bottoms of these shapes.

    A layer makes the same of the same in every view, so that only the first one works it out.
    """
    for settled in net.settled.values():
        before = settled.get(layer.index)
        if before is not None and before.readable and before.bottoms == bottoms:
            return before.tops
    known = net.shapes_made.get(layer.index)
    if known is None or known[0] != bottoms:
        known = net.shapes_made[layer.index] = bottoms, made_by(net, layer, bottoms)
    return known[1]


def made_by(net: Net, layer: Layer, bottoms: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return the same, worked out anew."""
    known = ALL_TYPES.get(layer.type)
    count = len(layer.top_names)
    if known is None or not (known.is_loss or is_understood(layer)):
        return (UNKNOWN,) * count
    setup = set_up(net, layer, bottoms)
    return tuple([known.shape(setup, i) for i in range(count)])


def set_up(net: Net, layer: Layer, bottoms: Sequence[Shape]) -> Setup:
    """Return a layer of the net as it is set up on bottoms of these shapes."""
    return Setup(layer, bottoms, net.dialect, net.build.cudnn)


def bottom_shapes(view: View, layer: Layer, known: Mapping[BlobVersion, Shape]) -> list[Shape]:
    """Return the shapes of a layer's bottoms; unknown where nothing produces one."""
    return [UNKNOWN if v is None else known.get(v, UNKNOWN) for v in view.bottoms[layer.index]]
