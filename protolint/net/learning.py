"""Which layers have blobs of their own that a solver moves, and where gradients go."""

from __future__ import annotations

from collections.abc import Mapping

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.fields import learning_rates
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN
from protolint.net.facts import fact, layer_fact
from protolint.net.net import TRAIN, Net
from protolint.net.parameters import layer_blobs
from protolint.net.view import BlobVersion, View

__all__ = [
    "gets_gradient", "gradients", "is_loss", "learnable_blobs", "learners", "learns", "losses",
    "may_train",
]  # fmt: skip


def is_loss(layer: Layer) -> bool:
    """Whether a layer has a loss whose weight is not 0."""
    if "loss_weight" in layer.message.given:
        weights = layer.message.numbers("loss_weight")
        if weights:
            return any(weights)
    known = ALL_TYPES.get(layer.type)
    return known is not None and known.is_loss


def losses(net: Net) -> list[Layer]:
    """Return the layers of a net that have a loss, in whatever state."""
    weighted = net.source.mentions("loss_weight")
    loss_types = [
        layers
        for name, layers in net.by_type.items()
        if weighted or ((known := ALL_TYPES.get(name)) is not None and known.is_loss)
    ]
    return [layer for layers in loss_types for layer in layers if is_loss(layer)]


def _of_own_types(net: Net) -> list[Layer]:
    known = net.dialect.layer_types - net.custom_types - {"Python"}
    return [layer for name, those in net.by_type.items() if name not in known for layer in those]


def may_train(net: Net, view: View) -> bool:
    """Whether a view has a loss, or a layer of the user's own that may be one."""
    return any(layer in view for layer in (*losses(net), *_of_own_types(net)))


def learnable_blobs(net: Net, layer: Layer) -> int:
    """Return how many blobs of its own a layer has; 0 for types that are not known well enough."""
    return len(layer_blobs(net, layer, [UNKNOWN] * len(layer.bottoms)) or ())


def learns(net: Net, layer: Layer) -> bool:
    """Whether the solver moves any blob of a layer; statistics do not count."""
    if layer.type == "BatchNorm" and net.dialect.merges_scale:
        return _learns(net, layer)  # Which blobs it has depends on its readers.
    return _learns_as_written(net, layer)


def _learns(net: Net, layer: Layer) -> bool:
    rates = learning_rates(layer)
    if layer.type == "BatchNorm":
        traits = net.traits(layer)
        if net.dialect.masks_statistics:
            return traits.affine  # both multipliers are set to 1
        blobs = [i for i, role in enumerate(traits.blobs) if role in ("gamma", "beta")]
    else:
        blobs = list(range(learnable_blobs(net, layer)))
    return any(i >= len(rates) or rates[i] != 0 for i in blobs)


_learns_as_written = layer_fact(_learns)


@fact
def learners(net: Net, view: View) -> Mapping[BlobVersion, Layer | None]:
    """Return the nearest layer that learns, that one or above, for each version a layer writes.

    The search ends where `propagate_down: false` stops the gradient.
    """
    found: dict[BlobVersion, Layer | None] = {}
    for layer in view.layers:
        nearest: Layer | None = None
        stops = [value for value, _ in layer.message.given.get("propagate_down", ())]
        for i, version in enumerate(view.bottoms[layer.index]):
            if version is not None and (i >= len(stops) or stops[i] is not False):
                nearest = nearest or found.get(version)
        nearest = layer if learns(net, layer) else nearest
        found.update((top, nearest) for top in view.tops[layer.index])
    return found


@fact
def gradients(net: Net, view: View) -> frozenset[int]:
    """Return the ids of the versions that a gradient goes to because something above learns.

    None outside training.
    """
    if view.state.phase != TRAIN:
        return frozenset()
    found: set[int] = set()
    forced = net.message.flag("force_backward")
    for layer in view.layers:
        stops = layer.message.given.get("propagate_down", ())
        below = any(
            id(version) in found and (i >= len(stops) or stops[i][0] is not False)
            for i, version in enumerate(view.bottoms[layer.index])
        )
        if below or (forced and layer.bottoms) or learns(net, layer):
            found.update(id(version) for version in view.tops[layer.index])
    return frozenset(found)


def gets_gradient(net: Net, view: View, version: BlobVersion | None) -> bool:
    """Return whether a gradient goes to a version: what a layer without bottoms makes is data."""
    producer = None if version is None else version.producer
    if producer is None or view.state.phase != TRAIN:
        return False
    if not producer.bottoms:
        return learns(net, producer)  # Most of those that are asked about; no net is gone down.
    return id(version) in gradients(net, view)
