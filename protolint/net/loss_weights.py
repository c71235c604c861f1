"""The weights of losses: how many there are to be, and what they weigh.

Source: include/caffe/layer.hpp, src/caffe/net.cpp, softmax_loss_layer.cpp @ BVLC master.
"""

from __future__ import annotations

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.net.view import BlobVersion

__all__ = ["check_loss_weights"]


def check_loss_weights(setup: SetupCheck, made: list[BlobVersion]) -> None:
    """Demand a loss_weight for each top or for none (Layer::SetLossWeights, Net::Init)."""
    layer = setup.layer
    written = layer.message.given.get("loss_weight", ())
    auto = ALL_TYPES[layer.type].is_loss
    if not written and not auto:
        return
    given = [value for value, _ in written]
    tops = len(layer.top_names)
    if auto and not tops:
        tops = 1
    cleared = any(
        weight and i < len(made) and made[i].readers
        for i, weight in enumerate(given[: len(layer.top_names)])
    )
    count = 0 if cleared else len(given)
    if auto and count == 0:
        count = 1
    nodes = layer.message.nodes_of("loss_weight")
    span = nodes[0].span if nodes else None
    if count and count != tops:
        setup.fault(
            Kind.LOSS_WEIGHT, f"{count} loss_weight for {tops} tops; give one for each"
            if given else f"{tops} tops need a loss_weight for each", span=span,
        )  # fmt: skip
    elif layer.type == "SoftmaxWithLoss" and count > 1:
        setup.fault(
            Kind.LOSS_WEIGHT, "SoftmaxWithLoss takes one top: its own Softmax takes one "
            "loss_weight", span=span,
        )  # fmt: skip
        return
    for weight, shape in zip(given, setup.tops, strict=False):
        if weight and 0 in shape.dims:
            setup.empty("a loss_weight for an empty top")
            return
