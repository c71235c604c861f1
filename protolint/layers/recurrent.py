"""Layers that go over a sequence step by step.

Sources: recurrent_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp, rnn_layer.cpp in
src/caffe/layers and their headers @ BVLC master, NVIDIA v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protolint.layers.base import Blob, Count, LayerType, Setup, between, exactly, first
from protolint.layers.checks import above_zero
from protolint.layers.fields import flag, size
from protolint.layers.fillers import fill
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape, product

__all__ = ["TYPES"]

_PARAMETER = "recurrent_param"


def _hidden(layer: Layer) -> int:
    """How many hidden states are bottoms and tops too (expose_hidden)."""
    return flag(layer, _PARAMETER, "expose_hidden") * (2 if layer.type == "LSTM" else 1)


def _bottoms(layer: Layer) -> Count:
    """Input, continuation, perhaps a static input, hidden states (recurrent_layer.hpp)."""
    least = 2 + _hidden(layer)
    return between(least, least + 1)


def _tops(layer: Layer) -> Count:
    return exactly(1 + _hidden(layer))


def _shape(setup: Setup, i: int) -> Shape:
    """Return steps, streams, outputs; a hidden state that is exposed has one step."""
    outputs = size(setup.layer, _PARAMETER, "num_output")
    steps = setup.first.size(0) if i == 0 else 1
    return Shape.of((steps, setup.first.size(1), outputs))


def _blobs(setup: Setup) -> Iterator[Blob]:
    """In the order of the unrolled net; a third bottom that is no hidden state is static."""
    layer = setup.layer
    long = layer.type == "LSTM"
    outputs = size(layer, _PARAMETER, "num_output")
    gates = product((4 if long else 1, outputs))
    to, hidden = ("c", "hc") if long else ("h", "hh")
    yield Blob(f"W_x{to}", Shape.of((gates, _inputs(setup.first, 2))))
    yield Blob(f"b_{to}", Shape.of((gates,)))
    if len(setup.bottoms) > 2 + _hidden(layer):
        yield Blob(f"W_x{to}_static", Shape.of((gates, _inputs(setup.bottom(2), 1))))
    yield Blob(f"W_{hidden}", Shape.of((gates, outputs)))
    if not long:
        yield Blob("W_ho", Shape.of((outputs, outputs)))
        yield Blob("b_o", Shape.of((outputs,)))


def _inputs(bottom: Shape, axis: int) -> int | None:
    return product(bottom.dims[axis:]) if bottom.complete else None


def _products(_setup: Setup, _tops: Sequence[Shape], _blobs: Sequence[Shape]) -> None:
    """They depend on how many steps the input has, which is not followed here."""
    return


def _check_recurrent(setup: SetupCheck) -> None:
    """Demand steps and streams alike; num_output; hidden states of its size."""
    data, marks = setup.bottom(0), setup.bottom(1)
    axes = setup.axes(0)
    if axes is not None and axes < 2:
        setup.fault(
            Kind.AXIS, f"{setup.layer.type} takes steps, streams and data, {setup.called(0)} has "
            f"{axes} axes", bottoms=(0,),
        )  # fmt: skip
        return
    if setup.differ(setup.axes(1), 2):
        setup.fault(
            Kind.AXIS, f"the marks {setup.called(1)} must have two axes: steps and streams",
            bottoms=(1,),
        )  # fmt: skip
        return
    for axis, what in ((0, "steps"), (1, "streams")):
        if setup.differ(data.size(axis), marks.size(axis)):
            setup.fault(
                Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many {what}",
                bottoms=(0, 1),
            )  # fmt: skip
            return
    exposed = _hidden(setup.layer)
    static = len(setup.bottoms) > 2 + exposed
    if static:
        if setup.axes(2) == 0:
            setup.fault(Kind.AXIS, f"{setup.called(2)} has no axis", bottoms=(2,))
            return
        if setup.differ(data.size(1), setup.bottom(2).size(0)):
            setup.fault(
                Kind.SHAPES, f"{setup.called(0)} and {setup.called(2)} have not as many streams",
                bottoms=(0, 2),
            )  # fmt: skip
            return
    if not above_zero(setup, _PARAMETER, "num_output"):
        return
    outputs = setup.integer(_PARAMETER, "num_output", 0)
    if setup.axis_of(2, "axis 2", 0) is None and setup.faults:
        return
    gates = outputs * (4 if setup.layer.type == "LSTM" else 1)
    inputs = setup.count(data, 2)
    fill(setup, _PARAMETER, "weight_filler", Shape((gates, inputs), True), "weights")
    if not setup.faults:
        fill(setup, _PARAMETER, "bias_filler", Shape((gates,), True), "biases")
    if setup.faults:
        return
    if static and setup.axis_of(1, "axis 1", 2) is None and setup.faults:
        return
    if 0 in data.dims:
        setup.unsure = True
    for j in range(exposed):
        i = 2 + static + j
        wanted = Shape((1, data.size(1), outputs), True)
        if setup.unlike(setup.bottom(i), wanted):
            setup.fault(
                Kind.SHAPES, f"the hidden state {setup.called(i)} must be {wanted}",
                bottoms=(i,),
            )  # fmt: skip
            return


def _check_unit(setup: SetupCheck) -> None:
    """Demand one step of a cell."""
    if setup.axis_of(1, "axis 1") is None and setup.faults:
        return
    streams = setup.bottom(0).size(1)
    for i, axes in enumerate((3, 3, 2)):
        if setup.differ(setup.axes(i), axes):
            setup.fault(Kind.AXIS, f"{setup.called(i)} must have {axes} axes", bottoms=(i,))
            return
        if setup.differ(setup.bottom(i).size(0), 1) or setup.differ(
            setup.bottom(i).size(1), streams
        ):
            setup.fault(Kind.SHAPES, f"{setup.called(i)} must be one step of {streams} streams",
                        bottoms=(0, i))  # fmt: skip
            return
    width = setup.bottom(0).size(2)
    if setup.differ(setup.bottom(1).size(2), None if width is None else 4 * width):
        setup.fault(
            Kind.SHAPES, f"{setup.called(1)} must hold four times the values of {setup.called(0)}",
            bottoms=(0, 1),
        )  # fmt: skip


TYPES = (
    LayerType(
        "LSTM", (_PARAMETER,), _bottoms, _tops, _shape, _blobs, _products, check=_check_recurrent
    ),
    LayerType(
        "RNN", (_PARAMETER,), _bottoms, _tops, _shape, _blobs, _products, check=_check_recurrent
    ),
    LayerType(
        "LSTMUnit",
        (_PARAMETER,),
        exactly(3),
        exactly(2),
        first,
        keeps_shape=True,
        check=_check_unit,
    ),
)
