"""What a layer's parameter messages say, whatever generation it is written in."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.caffe.legacy import V0_FIELDS
from protolint.layers.by_text import by_text
from protolint.layers.layer import Layer
from protolint.layers.shape import positive

__all__ = [
    "decay_rates", "flag", "integer", "integers", "learning_rates", "number", "place",
    "size", "word",
]  # fmt: skip

#: What V0LayerParameter calls a field of today.
_V0 = {new: old for old, (new, _) in V0_FIELDS.items() if new}


def integers(layer: Layer, parameter: str, field: str) -> list[int]:
    """Return the numbers that are given for a field, none where it is left out."""
    message, name = place(layer, parameter, field)
    return message.integers(name) if message is not None else []


def integer(layer: Layer, parameter: str, field: str, default: int = 0) -> int:
    """Return the number given for a field, or its default."""
    message, name = place(layer, parameter, field)
    return message.integer(name) if message is not None and name in message else default


def number(layer: Layer, parameter: str, field: str, default: float) -> float:
    """Return the number given for a field, or the default."""
    message, name = place(layer, parameter, field)
    return message.number(name) if message is not None and name in message else default


def size(layer: Layer, parameter: str, field: str) -> int | None:
    """Return the size given for a field, None where it is left out or not above 0."""
    return positive(integer(layer, parameter, field))


def flag(layer: Layer, parameter: str, field: str, default: bool = False) -> bool:
    """Return what is given for a field that is true or false, or its default."""
    message, name = place(layer, parameter, field)
    return message.flag(name) if message is not None and name in message else default


def word(layer: Layer, parameter: str, field: str, default: str) -> str:
    """Return the name given for a field, such as a value of an enum, or its default."""
    message, name = place(layer, parameter, field)
    return message.text(name) if message is not None and name in message else default


@by_text
def learning_rates(layer: Layer) -> list[float]:
    """Return the multipliers that the layer's `param` blocks, or its `blobs_lr`, give."""
    if layer.generation == 2:
        return [param.number("lr_mult") for param in layer.message.contents("param")]
    message = layer.message if layer.generation == 1 else layer.message.message("layer")
    return message.numbers("blobs_lr") if message is not None else []


@by_text
def decay_rates(layer: Layer) -> list[float]:
    """Return the decay multipliers of the layer's `param` blocks, or its `weight_decay`."""
    if layer.generation == 2:
        return [param.number("decay_mult") for param in layer.message.contents("param")]
    message = layer.message if layer.generation == 1 else layer.message.message("layer")
    return message.numbers("weight_decay") if message is not None else []


def place(layer: Layer, parameter: str, field: str) -> tuple[Message | None, str]:
    """Return the message that holds a field, and what the field is called there."""
    if layer.generation == 0:
        return layer.message.message("layer"), _V0.get(field, field)
    return layer.message.message(parameter), field
