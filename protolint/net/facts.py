"""Facts of a view, and of layers written alike: worked out when first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar, cast

from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.view import View

__all__ = ["fact", "layer_fact"]

_T = TypeVar("_T")


def fact(find: Callable[[Net, View], _T]) -> Callable[[Net, View], _T]:
    """Make a function of a net and one of its views keep its result in the view.

    Whoever asks again gets the same object, so a result is never changed. It must not refer
    to the view or the net: such a cycle would keep the whole tree alive.
    """

    @wraps(find)
    def ask(net: Net, view: View) -> _T:
        try:
            found = view.facts[find]
        except KeyError:  # None may be what was found
            found = view.facts[find] = find(net, view)
        return cast("_T", found)

    return ask


def layer_fact(find: Callable[[Net, Layer], _T]) -> Callable[[Net, Layer], _T]:
    """Make a function of a net and one of its layers keep its result for all that are like it.

    It must follow from what is written in the layer, its type and the number of its bottoms, in
    one build of one Caffe: not from names, other layers or the state. It holds no places.
    """

    @wraps(find)
    def ask(net: Net, layer: Layer) -> _T:
        model = layer.node.model
        if model is None:
            return find(net, layer)
        key = find, model, layer.type, len(layer.bottom_names), layer.generation
        found = net.alike.get(key, net)
        if found is net:
            found = net.alike[key] = find(net, layer)
        return cast("_T", found)

    return ask
