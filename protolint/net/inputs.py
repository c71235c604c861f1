"""The net's own inputs: their shapes, and what a Caffe has against them.

Source: UpgradeNetInput in src/caffe/util/upgrade_proto.cpp @ BVLC master, NVIDIA v0.15.14 to
v0.17.4; src/caffe/net.cpp @ NVIDIA v0.14.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.layers.setup_check import Fault, Kind, size_problem
from protolint.layers.shape import UNKNOWN, Shape
from protolint.net.net import Net
from protolint.source import Span

__all__ = ["checked_inputs", "input_shapes", "input_span"]

#: What a net says of its inputs; most have layers instead.
_FIELDS = frozenset({"input", "input_shape", "input_dim"})


def input_shapes(net: Net) -> dict[str, Shape]:
    """Return the shapes of the net's own inputs.

    `input_shape` wins over `input_dim`, four of which make an input.
    """
    return dict(zip(net.inputs, map(Shape.of, _sizes(net)), strict=False))


def input_span(net: Net) -> Span:
    """Return where the net first declares an input."""
    node = net.message.node_of("input")
    return node.span if node is not None else Span(0, 0)


def checked_inputs(net: Net) -> tuple[dict[str, Shape], list[Fault]]:
    """Return the shapes of the inputs, unknown where a Caffe refuses one, and the faults."""
    if _FIELDS.isdisjoint(net.message.given):
        return {}, []
    span, shapes = input_span(net), input_shapes(net)
    faults = [Fault(Kind.INPUT, None, span, what) for what in _miscounted(net)]
    if len(set(net.inputs)) < len(net.inputs):
        faults.append(Fault(Kind.DUPLICATE_TOP, None, span, "an input is given twice"))
    for name, size in zip(net.inputs, _sizes(net), strict=False):
        problem = size_problem(size, net.dialect)
        if problem is not None:
            kind, what = problem
            faults.append(Fault(kind, None, span, f"input '{name}': {what}"))
            shapes[name] = UNKNOWN
    return shapes, faults


def _sizes(net: Net) -> list[list[int]]:
    """Return the sizes that are written, input by input."""
    shapes, dims = net.message.messages("input_shape"), net.message.integers("input_dim")
    return [shape.integers("dim") for shape in shapes] or [
        dims[i : i + 4] for i in range(0, len(dims) - 3, 4)
    ]


def _miscounted(net: Net) -> Iterator[str]:
    """Yield what is wrong with the number of shapes; at most one thing is."""
    names, message = net.inputs, net.message
    shapes, dims = len(message.messages("input_shape")), len(message.integers("input_dim"))
    strict = net.dialect.keeps_inputs_without_shape
    wanted = 4 * len(names)
    if strict and shapes and dims:
        yield "input_shape and input_dim exclude each other; keep input_shape"
    elif not shapes and dims and names:
        if dims < wanted or (strict and dims != wanted):
            yield f"{dims} input_dim for {len(names)} input; it takes four for each"
    elif names and (shapes < len(names) or (strict and shapes != len(names))):
        yield f"{shapes} input_shape for {len(names)} input; it takes one for each"
    elif strict and not names and shapes:
        yield "input_shape without input"
    elif strict and not names and dims:
        yield "input_dim without input"
