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
    recurrent,
    structure,
)
from protolint.execution.step import Function

__all__ = ["FUNCTIONS"]

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
    **recurrent.FUNCTIONS,
    **structure.FUNCTIONS,
}
