"""What the weights of a layer start as, before anything is loaded or learned."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.layers.fields import learning_rates, place
from protolint.layers.layer import Layer
from protolint.net.facts import layer_fact
from protolint.net.net import TRAIN, Net
from protolint.net.view import View

WEIGHTED = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}


def filler(layer: Layer, field: str = "weight_filler") -> Message | None:
    """Return a filler of a layer with weights, or None where it is not given."""
    message, name = place(layer, WEIGHTED[layer.type], field)
    return None if message is None else message.message(name)


def starts_at_zero(layer: Layer, field: str = "weight_filler") -> bool:
    """Whether a blob is filled with 0: by a filler that says so, or by none."""
    found = filler(layer, field)
    return found is None or (found.text("type") == "constant" and found.number("value") == 0)


@layer_fact
def weights_start_at_zero(_net: Net, layer: Layer) -> bool:
    """Whether the weights of a layer are filled with 0."""
    return starts_at_zero(layer)


def weights_learn(layer: Layer) -> bool:
    """Whether the solver moves the weights of a layer."""
    rates = learning_rates(layer)
    return not rates or rates[0] != 0


def is_fresh(layer: Layer) -> bool:
    """Whether a layer is filled and learns: that no weights are loaded for it is plain."""
    return weights_learn(layer) and not starts_at_zero(layer)


def weights_above(view: View, layer: Layer) -> Layer | None:
    """Return the nearest layer with weights that the first bottom comes from."""
    version = view.bottom(layer)
    while version is not None and version.producer is not None:
        if version.producer.type in WEIGHTED:
            return version.producer
        version = view.bottom(version.producer) if version.producer.bottoms else None
    return None


def is_trained(net: Net, view: View) -> bool:
    """Whether a net is plainly for training: a solver has it, or data is for TRAIN alone."""
    return (
        any(
            not layer.bottoms and any(rule.phase == TRAIN for rule in layer.include)
            for layer in view.layers
        )
        or net.solver is not None
    )
