"""Layers without a bottom: inputs, constants, and data that the caller has to give.

Sources: dummy_data_layer.cpp, input_layer.cpp, parameter_layer.cpp and filler.hpp @ BVLC master.
"""

from __future__ import annotations

import numpy as np

from protolint.caffe.binder import Message
from protolint.execution.step import Array, Function, Step

__all__ = ["FUNCTIONS", "random_input"]


def random_input(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return float32 values of mean 0 and deviation 1, for an input that nobody gives."""
    return random.standard_normal(shape).astype(np.float32)


def _sizes(step: Step, i: int) -> tuple[int, ...]:
    """Return the shape that the layer says for a top; raises ExecutionError."""
    shape = step.top_shape(i)
    if shape.values is None:
        raise step.error(f"says no shape for '{step.layer.tops[i].name}'; give it with --data")
    return tuple(size or 0 for size in shape.dims)


def _dummy_data(step: Step) -> list[Array]:
    """Fill the tops; those that are constant stay as they are after the first pass."""
    fillers = step.param("dummy_data_param").messages("data_filler")
    tops = []
    for i in range(len(step.layer.tops)):
        filler = fillers[i if len(fillers) > 1 else 0] if fillers else None
        tops.append(_filled(step, filler, _sizes(step, i)))
    return tops


def _filled(step: Step, filler: Message | None, shape: tuple[int, ...]) -> Array:
    kind = "constant" if filler is None else filler.text("type")
    if filler is None or kind == "constant":
        return np.full(shape, 0.0 if filler is None else filler.number("value"), np.float32)
    if kind == "uniform":
        low, high = filler.number("min"), filler.number("max")
        return step.random.uniform(low, high, shape).astype(np.float32)
    if kind == "gaussian":
        mean, deviation = filler.number("mean"), filler.number("std")
        return step.random.normal(mean, deviation, shape).astype(np.float32)
    raise step.error(f"a filler '{kind}' is not run; give its top with --data")


def _input(step: Step) -> list[Array]:
    return [random_input(step.random, _sizes(step, i)) for i in range(len(step.layer.tops))]


def _parameter(step: Step) -> list[Array]:
    shape = step.param("parameter_param").message("shape")
    return [step.blob(0, shape.integers("dim") if shape is not None else [])]


FUNCTIONS: dict[str, Function] = {
    "DummyData": _dummy_data,
    "Input": _input,
    "Parameter": _parameter,
}
