"""What a layer's parameter messages say, whatever generation it is written in."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.layers.layer import Layer

__all__ = ["flag", "integer", "integers", "learning_rates"]

#: Fields that V0LayerParameter spells in another way; the others have the same name
#: (UpgradeV0LayerParameter in src/caffe/util/upgrade_proto.cpp).
_V0 = {
    "kernel_size": "kernelsize",
    "bias_term": "biasterm",
    "batch_size": "batchsize",
    "crop_size": "cropsize",
}


def integers(layer: Layer, parameter: str, field: str) -> list[int]:
    """The numbers that are given for a field, none where it is left out."""
    message, name = _place(layer, parameter, field)
    return message.integers(name) if message is not None else []


def integer(layer: Layer, parameter: str, field: str, default: int = 0) -> int:
    """The number given for a field, or its default."""
    given = integers(layer, parameter, field)
    return given[0] if given else default


def flag(layer: Layer, parameter: str, field: str, default: bool = False) -> bool:
    """What is given for a field that is true or false, or its default."""
    message, name = _place(layer, parameter, field)
    return message.flag(name) if message is not None and name in message else default


def learning_rates(layer: Layer) -> list[float]:
    """Return the multipliers that the layer's `param` blocks, or its `blobs_lr`, give."""
    if layer.generation == 2:
        return [param.lr_mult for param in layer.params]
    message = layer.message if layer.generation == 1 else layer.message.message("layer")
    return message.numbers("blobs_lr") if message is not None else []


def _place(layer: Layer, parameter: str, field: str) -> tuple[Message | None, str]:
    """The message that holds a field, and what the field is called there."""
    if layer.generation == 0:
        return layer.message.message("layer"), _V0.get(field, field)
    return layer.parameter(parameter), field
