"""LSTM, LSTMUnit and RNN, step after step, with the state that they keep between passes.

Sources: recurrent_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp, rnn_layer.cpp
(src/caffe/layers @ BVLC master).
"""

from __future__ import annotations

from math import prod

import numpy as np

from protolint.execution.activations import sigmoid
from protolint.execution.step import Array, Function, Step

__all__ = ["FUNCTIONS"]


class _Unrolled:
    """What both layers have: the input of each step, and the state before the first."""

    def __init__(self, step: Step, gates: int, states: int) -> None:
        param = step.param("recurrent_param")
        self.outputs = param.integer("num_output")
        self.exposes = param.flag("expose_hidden")
        bottom, self.goes_on = step.bottom(), step.bottom(1)
        self.steps, self.streams = bottom.shape[:2]
        if self.goes_on.shape != (self.steps, self.streams):
            raise step.error(f"its second bottom is {self.goes_on.shape}, not steps and streams")
        size, width = prod(bottom.shape[2:]), gates * self.outputs
        static = len(step.bottoms) > 2 + (states if self.exposes else 0)
        inputs = bottom.reshape(-1, size) @ step.blob(0, (width, size)).T + step.blob(1, (width,))
        self.inputs = inputs.reshape(self.steps, self.streams, width)
        self.next_blob = 2
        if static:
            fixed = step.bottom(2).reshape(self.streams, -1)
            self.inputs = self.inputs + fixed @ step.blob(2, (width, fixed.shape[1])).T
            self.next_blob = 3
        self.hidden = step.blob(self.next_blob, (width, self.outputs))
        shape = (self.streams, self.outputs)
        if self.exposes:
            given = step.bottoms[2 + static : 2 + static + states]
            self.states = [blob.reshape(shape) for blob in given]
        else:
            kept: list[Array] = step.memory.get("states", [])
            if not kept or kept[0].shape != shape:
                kept = [np.zeros(shape, np.float32)] * states
            self.states = kept

    def finish(self, step: Step, tops: list[Array], states: list[Array]) -> list[Array]:
        """Return the tops, and keep the states for the next pass."""
        step.memory["states"] = states
        exposed = [state[None] for state in states] if self.exposes else []
        return [np.stack(tops), *exposed]


def _unit(cell: Array, gates: Array, goes_on: Array) -> tuple[Array, Array]:
    """Return the next cell and hidden state; gates are input, forget, output and new."""
    enter, forget, leave, new = np.split(gates, 4, -1)
    cell = goes_on * sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
    return cell, sigmoid(leave) * np.tanh(cell)


def _lstm(step: Step) -> list[Array]:
    net = _Unrolled(step, gates=4, states=2)
    # Without exposed states the layer keeps hidden, then cell, as its bottoms would be.
    hidden, cell = net.states
    tops = []
    for inputs, goes_on in zip(net.inputs, net.goes_on[:, :, None], strict=True):
        gates = (goes_on * hidden) @ net.hidden.T + inputs
        cell, hidden = _unit(cell, gates, goes_on)
        tops.append(hidden)
    return net.finish(step, tops, [hidden, cell])


def _lstm_unit(step: Step) -> list[Array]:
    cell, gates, goes_on = (step.bottom(i) for i in range(3))
    return list(_unit(cell, gates, goes_on[:, :, None]))


def _rnn(step: Step) -> list[Array]:
    net = _Unrolled(step, gates=1, states=1)
    out = step.blob(net.next_blob + 1, (net.outputs, net.outputs))
    bias = step.blob(net.next_blob + 2, (net.outputs,))
    (hidden,) = net.states
    tops = []
    for inputs, goes_on in zip(net.inputs, net.goes_on[:, :, None], strict=True):
        hidden = np.tanh((goes_on * hidden) @ net.hidden.T + inputs)
        tops.append(np.tanh(hidden @ out.T + bias))
    return net.finish(step, tops, [hidden])


FUNCTIONS: dict[str, Function] = {"LSTM": _lstm, "LSTMUnit": _lstm_unit, "RNN": _rnn}
