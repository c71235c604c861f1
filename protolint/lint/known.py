"""What a net says of the layers that a weight file holds, by the names they share."""

from __future__ import annotations

from protolint.batchnorm.facts import NormParam
from protolint.batchnorm.norms import Known
from protolint.layers.layer import Layer
from protolint.net.net import TEST, Net
from protolint.net.pairing import Pairing, pairings

__all__ = ["known_of", "norm_param_of"]

#: The values of batch_norm_param.engine (enum Engine in caffe.proto @ v0.14.5).
_ENGINES = {"DEFAULT": 0, "CAFFE": 1, "CUDNN": 2}


def known_of(net: Net) -> dict[str, Known]:
    """The type of each layer by its name, and of a BatchNorm its parameter and its Scale.

    The Scale is the layer with its gamma and beta (protolint.net.pairing). `eps` is the
    one that the net's dialect adds: what is written, or its default, and at least its floor.
    Of several layers of one name the first that runs in TEST counts, else the first.
    """
    tested = {
        layer.index for view in net.views if view.state.phase == TEST for layer in view.layers
    }
    pairs = pairings(net)
    found: dict[str, Known] = {}
    for layer in sorted(net.layers, key=lambda layer: layer.index not in tested):
        if layer.name not in found:
            found[layer.name] = _known(net, layer, pairs.get(layer.name))
    return found


def _known(net: Net, layer: Layer, pairing: Pairing | None) -> Known:
    if layer.type != "BatchNorm":
        return Known(layer.type)
    scale = pairing.scales[0].name if pairing is not None and pairing.is_one else None
    return Known(layer.type, _norm_param(net, layer), scale)


def _norm_param(net: Net, batchnorm: Layer) -> NormParam:
    said = norm_param_of(batchnorm)
    eps = net.dialect.eps_default if said.eps is None else said.eps
    return said._replace(eps=max(eps, net.dialect.eps_floor))


def norm_param_of(batchnorm: Layer) -> NormParam:
    """What a BatchNorm layer of a prototxt says, in the terms of weight files."""
    message = batchnorm.parameter("batch_norm_param")
    if message is None:
        return NormParam()

    def flag(field: str) -> bool | None:
        return message.flag(field) if field in message else None

    def number(field: str) -> float | None:
        return message.number(field) if field in message else None

    return NormParam(
        use_global_stats=flag("use_global_stats"),
        fraction=number("moving_average_fraction"),
        eps=number("eps"),
        scale_bias=flag("scale_bias"),
        engine=_ENGINES.get(message.text("engine")),
    )
