"""What recurrent layers demand.

Sources: recurrent_layer.cpp, lstm_layer.cpp, rnn_layer.cpp, lstm_unit_layer.cpp
(src/caffe/layers @ BVLC master, NVIDIA v0.17.4, weiliu89/caffe ssd, Intel 1.1.6).
"""

from __future__ import annotations

from protolint.layers.fillers import fill
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape

__all__ = ["DEMANDS"]

_R = "recurrent_param"


def recurrent(setup: SetupCheck) -> None:
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
    states = 2 if setup.layer.type == "LSTM" else 1
    exposed = states * setup.flag(_R, "expose_hidden")
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
    outputs = setup.integer(_R, "num_output", 0)
    if outputs <= 0:
        kind = Kind.RANGE if setup.given(_R, "num_output") else Kind.MISSING
        setup.fault(
            kind, f"num_output {outputs}; it must be above 0" if outputs else "no num_output",
            at=(_R, "num_output"),
        )  # fmt: skip
        return
    if setup.axis_of(2, "axis 2", 0) is None and setup.faults:
        return
    gates = outputs * (4 if states == 2 else 1)
    inputs = setup.count(data, 2)
    fill(setup, _R, "weight_filler", Shape((gates, inputs), True), "weights")
    if not setup.faults:
        fill(setup, _R, "bias_filler", Shape((gates,), True), "biases")
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


def unit(setup: SetupCheck) -> None:
    """One step of a cell."""
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


DEMANDS = {"LSTM": recurrent, "LSTMUnit": unit, "RNN": recurrent}
