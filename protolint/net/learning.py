"""Which layers have blobs of their own, and which of them a solver moves.

Sources: LayerSetUp of the layers named (src/caffe/layers @ BVLC master, NVIDIA v0.14.5 to
v0.17.4); for BatchNorm batchnorm_traits.
"""

from __future__ import annotations

from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View

__all__ = ["learnable_blobs", "learners", "learning_rates", "learns"]

#: Types with learnable blobs: how many without a bias, and what bias_term is if not given
#: (None: there is none).
_BLOBS: dict[str, tuple[int, bool | None]] = {
    "Convolution": (1, True), "Deconvolution": (1, True), "InnerProduct": (1, True),
    "Embed": (1, True), "Scale": (1, False), "Bias": (1, None), "PReLU": (1, None),
    "Normalize": (1, None), "Parameter": (1, None), "LSTM": (3, None), "RNN": (5, None),
}  # fmt: skip
_PARAMETER = {"InnerProduct": "inner_product_param", "Embed": "embed_param", "Scale": "scale_param"}


def learnable_blobs(net: Net, layer: Layer) -> int:
    """How many blobs of its own a layer has; 0 for types that are not known well enough."""
    if layer.type == "BatchNorm":
        return len(net.traits(layer).blobs)
    if layer.type not in _BLOBS:
        return 0
    blobs, bias = _BLOBS[layer.type]
    if layer.type in ("Scale", "Bias") and len(layer.bottoms) > 1:
        blobs = 0
    if bias is None:
        return blobs
    param = layer.parameter(_PARAMETER.get(layer.type, "convolution_param"))
    if param is not None and "bias_term" in param:
        bias = param.flag("bias_term")
    return blobs + bias


def learns(net: Net, layer: Layer) -> bool:
    """Whether the solver moves any blob of a layer; statistics do not count."""
    rates = learning_rates(layer)
    if layer.type == "BatchNorm":
        traits = net.traits(layer)
        if net.dialect.masks_statistics:
            return traits.affine  # both multipliers are set to 1
        blobs = [i for i, role in enumerate(traits.blobs) if role in ("gamma", "beta")]
    else:
        blobs = list(range(learnable_blobs(net, layer)))
    return any(i >= len(rates) or rates[i] != 0 for i in blobs)


def learning_rates(layer: Layer) -> list[float]:
    """The multipliers that the layer's `param` blocks, or its `blobs_lr`, give."""
    if layer.generation == 2:
        return [param.lr_mult for param in layer.params]
    message = layer.message if layer.generation == 1 else layer.message.message("layer")
    return message.numbers("blobs_lr") if message is not None else []


def learners(net: Net, view: View) -> dict[BlobVersion, Layer | None]:
    """For each version that a layer writes the nearest layer, that one or above, that learns.

    The search ends where `propagate_down: false` stops the gradient.
    """
    found: dict[BlobVersion, Layer | None] = {}
    for layer in view.layers:
        nearest: Layer | None = None
        stops = [value for value, _ in layer.message.values.get("propagate_down", ())]
        for i, version in enumerate(view.bottoms[layer.index]):
            if version is not None and (i >= len(stops) or stops[i] is not False):
                nearest = nearest or found.get(version)
        nearest = layer if learns(net, layer) else nearest
        found.update((top, nearest) for top in view.tops[layer.index])
    return found
