"""Facts of a layer's parameters, worked out once for all layers that are written alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import TypeVar, cast

from protolint.layers.layer import Layer

__all__ = ["by_text"]

_T = TypeVar("_T")


def by_text(find: Callable[..., _T]) -> Callable[..., _T]:
    """Make a function of a layer, and of more that can be hashed, keep its result by the text.

    It must follow from what the layer's parameters say, and from what is given besides: not from
    names, other layers or the state. It holds no places, and is never changed.
    """

    @wraps(find)
    def ask(layer: Layer, *given: Hashable) -> _T:
        model = layer.node.model
        if model is None or layer.padding:
            return find(layer, *given)
        key = find, layer.message.type, given
        found = model.readings.get(key, model)
        if found is model:
            found = model.readings[key] = find(layer, *given)
        return cast("_T", found)

    return ask
