"""Which layer types can be run, and by which function."""

from __future__ import annotations

from protolint.execution import (
    activations,
    alignment,
    convolution,
    data,
    detection,
    forks,
    losses,
    multibox,
    norms,
    pooling,
    python,
    recurrent,
    ristretto,
    structure,
)
from protolint.execution.step import Function
from protolint.layers.layer import Layer
from protolint.text.tree import Scalar

__all__ = ["FUNCTIONS", "function_of", "name_of"]

_FAMILIES = (
    activations, alignment, convolution, data, detection, forks, losses, multibox, norms,
    pooling, python, recurrent, ristretto, structure,
)  # fmt: skip
FUNCTIONS: dict[str, Function] = {
    name: function for family in _FAMILIES for name, function in family.FUNCTIONS.items()
}


def function_of(layer: Layer) -> Function | None:
    """Return what runs a layer; None for a type, or a Python layer's class, that is not run."""
    return FUNCTIONS.get(name_of(layer))


def name_of(layer: Layer) -> str:
    """Return what a layer runs as: its type; the class of a Python layer; a V1 fork's own word."""
    param = layer.parameter("python_param") if layer.type == "Python" else None
    if param is not None:
        return f"{param.text('module')}.{param.text('layer')}"
    if layer.generation == 1 and not layer.type:
        written = (node for node in layer.node.children if node.name == "type")
        return next((node.raw for node in written if isinstance(node, Scalar)), "")
    return layer.type
