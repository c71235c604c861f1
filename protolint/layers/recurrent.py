"""Layers that go over a sequence step by step.

Sources: recurrent_layer.cpp, lstm_layer.cpp, lstm_unit_layer.cpp, rnn_layer.cpp in
src/caffe/layers and their headers @ BVLC master, NVIDIA v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protolint.layers.base import Blob, Count, LayerType, Setup, between, exactly, first
from protolint.layers.fields import flag, size
from protolint.layers.layer import Layer
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


TYPES = (
    LayerType("LSTM", (_PARAMETER,), _bottoms, _tops, _shape, _blobs, _products),
    LayerType("RNN", (_PARAMETER,), _bottoms, _tops, _shape, _blobs, _products),
    LayerType("LSTMUnit", (_PARAMETER,), exactly(3), exactly(2), first, keeps_shape=True),
)
