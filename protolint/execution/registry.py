"""Which layer types can be run, and by which function."""

from __future__ import annotations

from protolint.execution import (
    activations,
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
    structure,
)
from protolint.execution.step import Function
from protolint.layers.layer import Layer

__all__ = ["FUNCTIONS", "function_of"]

FUNCTIONS: dict[str, Function] = {
    **activations.FUNCTIONS,
    **convolution.FUNCTIONS,
    **data.FUNCTIONS,
    **detection.FUNCTIONS,
    **forks.FUNCTIONS,
    **losses.FUNCTIONS,
    **multibox.FUNCTIONS,
    **norms.FUNCTIONS,
    **pooling.FUNCTIONS,
    **python.FUNCTIONS,
    **recurrent.FUNCTIONS,
    **structure.FUNCTIONS,
}


def function_of(layer: Layer) -> Function | None:
    """Return what runs a layer; None for a type, or a Python layer's class, that is not run."""
    name, param = layer.type, layer.parameter("python_param")
    if name == "Python" and param is not None:
        name = f"{param.text('module')}.{param.text('layer')}"
    return FUNCTIONS.get(name)
