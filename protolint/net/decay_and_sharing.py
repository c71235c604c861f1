"""What a solver asks of a net that is built: which blobs decay, which a test net can share."""

from __future__ import annotations

from typing import TypeAlias, Union

from protolint.layers.fields import decay_rates
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.layers.states import NetState
from protolint.net.init import construction
from protolint.net.net import Net
from protolint.net.parameters import Parameter, layer_parameters
from protolint.net.shapes import bottom_shapes

_Blobs: TypeAlias = Union[tuple[Parameter, ...], None]

__all__ = ["unlike_layers", "with_decay"]


def with_decay(net: Net, state: NetState) -> bool:
    """Whether some blob of a net has a decay_mult that is not 0, or may have one."""
    view = net.view_in(state)
    built = construction(net, view)
    for layer in view.layers:
        blobs = layer_parameters(net, layer, bottom_shapes(view, layer, built.shapes))
        rates = decay_rates(layer)
        if blobs is None or any(i >= len(rates) or rates[i] != 0 for i in range(len(blobs))):
            return True
    return False


def unlike_layers(
    trained: Net, training: NetState, tested: Net, testing: NetState
) -> tuple[Layer, Layer, str] | None:
    """Return the first layer of a test net whose blobs are not those of the training net.

    With it comes the layer of the same name in the training net, and how they differ.
    """
    views = (tested.view_in(testing), trained.view_in(training))
    ours = construction(tested, views[0]).shapes
    theirs = construction(trained, views[1]).shapes
    by_name: dict[str, Layer] = {}
    for layer in views[1].layers:
        by_name.setdefault(layer.name, layer)
    for layer in views[0].layers:
        other = by_name.pop(layer.name, None)
        if other is None:
            continue
        here, there = bottom_shapes(views[0], layer, ours), bottom_shapes(views[1], other, theirs)
        if layer is other and here == there:
            continue
        what = _difference(
            layer_parameters(tested, layer, here), layer_parameters(trained, other, there)
        )
        if what:
            return layer, other, what
    return None


def _difference(ours: _Blobs, theirs: _Blobs) -> str:
    if ours is None or theirs is None:
        return ""
    if len(ours) != len(theirs):
        return f"{len(theirs)} blobs and {len(ours)} here"
    for i, (here, there) in enumerate(zip(ours, theirs, strict=True)):
        if _known(here.shape) and _known(there.shape) and here.shape.dims != there.shape.dims:
            return f"blob {i} of shape {there.shape} ({here.shape} here)"
    return ""


def _known(shape: Shape) -> bool:
    return shape.complete and None not in shape.dims
