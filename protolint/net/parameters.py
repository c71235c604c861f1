"""The learnable blobs of a layer: what each holds, its shape, its learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from protolint.layers.base import Blob
from protolint.layers.by_text import by_text
from protolint.layers.catalogue import ALL_TYPES, is_understood
from protolint.layers.fields import learning_rates
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.facts import fact
from protolint.net.net import Net
from protolint.net.shapes import bottom_shapes, set_up, shapes
from protolint.net.view import View
from protolint.record import NamedTuple

__all__ = ["Parameter", "layer_blobs", "layer_parameters", "parameters"]

_STATISTICS = frozenset({"mean", "variance", "factor", "reserved"})


class Parameter(NamedTuple):
    """One learnable blob.

    `role` says what it holds; `name` is the one under which it is shared, "" if it is not.
    """

    role: str
    shape: Shape
    lr_mult: float
    name: str = ""

    @property
    def is_statistic(self) -> bool:
        """Whether a BatchNorm keeps it itself, without a gradient."""
        return self.role in _STATISTICS


@fact
def parameters(net: Net, view: View) -> Mapping[int, tuple[Parameter, ...] | None]:
    """Return what `layer_parameters` finds for each layer of a view, by the layer's index."""
    known = shapes(net, view)
    return {
        layer.index: layer_parameters(net, layer, bottom_shapes(view, layer, known))
        for layer in view.layers
    }


def layer_parameters(
    net: Net, layer: Layer, bottoms: Sequence[Shape]
) -> tuple[Parameter, ...] | None:
    """Return the learnable blobs of a layer in order; None where their number is not known.

    `lr_mult` is the one that holds when the net is built, not always the one that is written.
    """
    blobs = layer_blobs(net, layer, bottoms)
    if not blobs:
        return None if blobs is None else ()
    rates, names = learning_rates(layer), _names(layer)
    found = []
    for i, (role, shape) in enumerate(blobs):
        rate = rates[i] if i < len(rates) else 1.0
        if layer.type == "BatchNorm" and net.dialect.masks_statistics:
            # The layer sets all of them itself, gamma and beta to 1 (NVIDIA 0.16 on).
            rate = 0.0 if role in _STATISTICS else 1.0
        found.append(Parameter(role, shape, rate, names[i] if i < len(names) else ""))
    return tuple(found)


def layer_blobs(net: Net, layer: Layer, bottoms: Sequence[Shape]) -> list[Blob] | None:
    """Return what the learnable blobs of a layer hold; None where their number is not known."""
    known = ALL_TYPES.get(layer.type)
    if known is not None and not known.learnable:
        return []
    if known is None or known.blobs is None or not is_understood(layer):
        return None
    return list(known.blobs(set_up(net, layer, bottoms)))


@by_text
def _names(layer: Layer) -> list[str]:
    """Return the names under which a layer shares its blobs; V1 has them alone in `param`."""
    if layer.generation == 2:
        return [param.text("name") for param in layer.message.contents("param")]
    return list(layer.message.texts("param"))
