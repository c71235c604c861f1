"""What a net says of the layers that a weight file holds, by the names they share."""

from __future__ import annotations

from protolint.caffe.batchnorm import NormParam
from protolint.layers.layer import Layer
from protolint.net.net import TEST, Net
from protolint.net.pairing import pairings
from protolint.record import NamedTuple

__all__ = ["LayerInNet", "layers_in_net"]


class LayerInNet(NamedTuple):
    """What a prototxt says of a layer by a file's name: it counts more than the file.

    `scale` is the Scale layer with the BatchNorm's gamma and beta.
    """

    type: str
    norm: NormParam = NormParam()
    scale: str | None = None


def layers_in_net(net: Net) -> dict[str, LayerInNet]:
    """Return the type of each layer by its name, and of a BatchNorm its parameter and Scale.

    `eps` is the one that the layer adds in the net's Caffe. Of several layers of one name the
    first that runs in TEST counts, else the first.
    """
    tested = {
        layer.index for view in net.views if view.state.phase == TEST for layer in view.layers
    }
    scales = {
        name: pairing.scales[0].name for name, pairing in pairings(net).items() if pairing.is_one
    }
    found: dict[str, LayerInNet] = {}
    for layer in sorted(net.layers, key=lambda layer: layer.index not in tested):
        if layer.name not in found:
            found[layer.name] = _in_net(net, layer, scales.get(layer.name))
    return found


def _in_net(net: Net, layer: Layer, scale: str | None) -> LayerInNet:
    if layer.type != "BatchNorm":
        return LayerInNet(layer.type)
    return LayerInNet(layer.type, layer.batchnorm._replace(eps=net.traits(layer).eps), scale)
