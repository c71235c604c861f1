"""The Scale layer that follows a BatchNorm, and why the two cannot be one layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.net.view import View

__all__ = ["Pairing", "Sharing", "pair_of", "sharing"]

#: Who uses a name in `param { name: }`: pairs of a layer and the index of its blob.
Sharing = dict[str, list[tuple[Layer, int]]]


class Pairing(NamedTuple):
    """The Scale layer behind a BatchNorm: `scales` are its phase variants, none if there is none.

    `reason` says why it is not the affine part of that BatchNorm and nothing else; `shared`
    names the shared blob that is the reason, if one is.
    """

    scales: tuple[Layer, ...] = ()
    reason: str = ""
    shared: str = ""

    @property
    def is_one(self) -> bool:
        """Whether both compute what one affine BatchNorm would."""
        return bool(self.scales) and not self.reason


def sharing(net: Net) -> Sharing:
    """The names under which blobs are shared, and by whom; a name used once shares nothing."""
    found: Sharing = {}
    for layer in net.layers:
        for i, param in enumerate(layer.params):
            if param.name:
                found.setdefault(param.name, []).append((layer, i))
    return {name: users for name, users in found.items() if len(users) > 1}


def pair_of(
    batchnorms: Sequence[Layer],
    views_of: Callable[[Layer], Sequence[View]],
    shape_of: Callable[[View, Layer], Shape],
    shared: Sharing,
    is_scale: Callable[[Layer], bool],
) -> Pairing:
    """The Scale layer that reads what a BatchNorm, in all its phase variants, writes.

    The exact conditions: it alone reads that very version of the blob, its axis is that of the
    channels, it is active in the same states, no weight of a loss or stop of a gradient is
    between, and no blob of the two is shared with another layer.
    """
    scales: dict[int, Layer] = {}
    reasons: list[str] = []
    missing = False
    for layer in batchnorms:
        behind: set[int] = set()
        for view in views_of(layer):
            readers = view.readers(layer)
            own = [r for r in readers if is_scale(r) and len(r.tops) == 1]
            missing = missing or not own
            for scale in own[:1]:
                scales[scale.index] = scale
                behind.add(scale.index)
                reasons += _objections(layer, scale, readers, shape_of(view, layer))
        if len(behind) > 1:
            reasons.append("it has variants for states that the BatchNorm has not")
    if not scales:
        return Pairing()
    found = tuple(scales.values())
    if len({scale.name for scale in found}) > 1:
        reasons.append("it is not the same layer in every state")
    if missing or not _only_behind(batchnorms, found, views_of):
        reasons.append(f"it is not active in the same states as '{batchnorms[0].name}'")
    name = next(_shared_names((*batchnorms, *found), shared), "")
    if name:
        reasons.append(f"'{name}' is shared with another layer")
    return Pairing(found, reasons[0] if reasons else "", name)


def _objections(layer: Layer, scale: Layer, readers: list[Layer], shape: Shape) -> Iterator[str]:
    """What speaks against the pair in one view."""
    if len(scale.bottoms) != 1:
        yield "it takes its factors from a second bottom"
    other = next((reader for reader in readers if reader is not scale), None)
    if other is not None:
        yield f"'{other.name}' reads '{layer.tops[0].name}' as well"
    elif len(readers) > 1:
        yield f"it reads '{layer.tops[0].name}' twice"
    param = scale.parameter("scale_param")
    axis = param.integer("axis") if param is not None and "axis" in param else 1
    resolved = axis if axis >= 0 or shape.axes is None else axis + shape.axes
    if resolved != 1:
        yield f"its axis is {axis}"
    if param is not None and "num_axes" in param and param.integer("num_axes") != 1:
        yield f"its num_axes is {param.integer('num_axes')}"
    for one in (layer, scale):
        for field in ("loss_weight", "propagate_down"):
            if field in one.message:
                yield f"'{one.name}' has a {field}"


def _only_behind(
    batchnorms: Sequence[Layer],
    scales: Sequence[Layer],
    views_of: Callable[[Layer], Sequence[View]],
) -> bool:
    """Whether a Scale layer is active only where the BatchNorm it reads is."""
    for scale in scales:
        for view in views_of(scale):
            bottom = view.bottoms[scale.index][0] if scale.bottoms else None
            if bottom is None or not any(bottom.producer is layer for layer in batchnorms):
                return False
    return True


def _shared_names(layers: Sequence[Layer], shared: Sharing) -> Iterator[str]:
    """The names that these layers share with others than themselves and their variants."""
    own = {layer.name for layer in layers}
    for layer in layers:
        for param in layer.params:
            users = shared.get(param.name, [])
            if any(user.name not in own for user, _ in users):
                yield param.name
