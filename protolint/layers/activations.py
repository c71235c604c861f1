"""Layers that give each value a new one, and Softmax.

Sources: the layers' files in src/caffe/layers and include/caffe/layers @ BVLC master, NVIDIA
v0.14.5 to v0.17.4; in place each against the same layer with a blob of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from protolint.layers.base import (
    NOTHING_READ,
    ONE,
    POSITIVE_VALUES,
    SIGNS,
    VALUES,
    Backward,
    Blob,
    InPlace,
    LayerType,
    Setup,
    always,
    first,
    needs,
)
from protolint.layers.fields import flag
from protolint.layers.layer import Layer
from protolint.layers.shape import SCALAR, Shape

__all__ = ["TYPES"]

_FINE = InPlace.FINE


def _relu_spoilers(_layer: Layer, in_place: bool) -> frozenset[str]:
    """In place it has only the sign of its output to go by."""
    return SIGNS if in_place else frozenset()


def _exponent(layer: Layer) -> float:
    param = layer.parameter("power_param")
    return param.number("power") if param is not None else 1.0


def _power_reads_bottom(layer: Layer) -> bool:
    return _exponent(layer) not in (0, 1)


def _power_spoilers(layer: Layer, _in_place: bool) -> frozenset[str]:
    return POSITIVE_VALUES if _exponent(layer) not in (0, 1, 2) else frozenset()


def _slope(setup: Setup) -> Iterator[Blob]:
    shared = flag(setup.layer, "prelu_param", "channel_shared")
    yield Blob("slope", SCALAR if shared else Shape.of((setup.first.size(1),)))


def _neuron(
    name: str,
    parameter: str,
    in_place: InPlace = InPlace.UNTRIED,
    backward: Backward = NOTHING_READ,
    blobs: Callable[[Setup], Iterable[Blob]] | None = None,
) -> LayerType:
    """Return a type of one bottom and one top of the same shape (neuron_layer.hpp)."""
    known = LayerType(
        name, (parameter,) if parameter else (), ONE, ONE, first,
        in_place=in_place, backward=backward, keeps_shape=True,
    )  # fmt: skip
    return known if blobs is None else known._replace(blobs=blobs)


TYPES = (
    _neuron("AbsVal", "", InPlace.ABORTS, Backward(always)),
    _neuron("BNLL", "", InPlace.WRONG_GRADIENT, Backward(always)),
    _neuron("Clip", "clip_param"),
    _neuron("Dropout", "dropout_param", _FINE),
    _neuron("ELU", "elu_param", _FINE, Backward(always, spoilers=needs(VALUES))),
    _neuron("Exp", "exp_param", _FINE, Backward(spoilers=needs(POSITIVE_VALUES))),
    _neuron("Log", "log_param", InPlace.WRONG_GRADIENT, Backward(always)),
    _neuron(
        "Power", "power_param", InPlace.WRONG_GRADIENT,
        Backward(_power_reads_bottom, spoilers=_power_spoilers),
    ),
    _neuron("PReLU", "prelu_param", _FINE, Backward(always, weights=True), _slope),
    _neuron("ReLU", "relu_param", _FINE, Backward(always, spoilers=_relu_spoilers)),
    _neuron("Sigmoid", "sigmoid_param", _FINE, Backward(spoilers=needs(POSITIVE_VALUES))),
    _neuron("Softmax", "softmax_param", _FINE, Backward(spoilers=needs(POSITIVE_VALUES))),
    # Intel's (spatial_dropout_layer.cpp @ intel/caffe 1.1.6).
    _neuron("SpatialDropout", "dropout_param"),
    _neuron("Swish", "swish_param"),
    _neuron("TanH", "tanh_param", _FINE, Backward(spoilers=needs(VALUES))),
    _neuron("Threshold", "threshold_param"),
)  # fmt: skip
