"""Layers that give each value a new one, and Softmax.

Sources: the layers' files in src/caffe/layers and include/caffe/layers @ BVLC master, NVIDIA
v0.14.5 to v0.17.4; in place each against the same layer with a blob of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

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
from protolint.layers.checks import own_top
from protolint.layers.fields import flag
from protolint.layers.fillers import fill
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import SCALAR, Shape

if TYPE_CHECKING:
    from protolint.layers.base import Check

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


def _check_dropout(setup: SetupCheck) -> None:
    """Demand a ratio between 0 and 1, which only a build with assertions checks."""
    ratio = setup.number("dropout_param", "dropout_ratio", 0.5)
    if not 0.0 < ratio < 1.0:
        setup.unsure = True


def _check_exp(setup: SetupCheck) -> None:
    """Demand a base above 0, or -1 for e."""
    base = setup.number("exp_param", "base", -1.0)
    if base != -1.0 and base <= 0:
        setup.fault(Kind.RANGE, f"base {base:g}; it must be above 0, or -1 for e",
                    at=("exp_param", "base"))  # fmt: skip


def _check_log(setup: SetupCheck) -> None:
    """Demand a base above 0 that is not 1, or -1 for e."""
    base = setup.number("log_param", "base", -1.0)
    if base != -1.0 and (base <= 0 or base == 1.0):
        setup.fault(Kind.RANGE, f"base {base:g}; it must be above 0 and not 1, or -1 for e",
                    at=("log_param", "base"))  # fmt: skip


def _check_prelu(setup: SetupCheck) -> None:
    """Demand two axes at least, and a filler."""
    axes = setup.axes()
    if axes is not None and axes < 2:
        setup.fault(
            Kind.AXIS, f"PReLU takes two axes at least, {setup.called()} has {axes}", bottoms=(0,)
        )
        return
    if not setup.four_axes_at_most():
        return
    shared = setup.flag("prelu_param", "channel_shared")
    shape = SCALAR if shared else Shape((setup.legacy(1),), True)
    fill(setup, "prelu_param", "filler", shape, "slopes")
    if not setup.faults and setup.count(setup.bottom(), 1) == 0:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def _check_softmax(setup: SetupCheck) -> None:
    """Demand an axis that holds something."""
    axis = setup.axis("softmax_param", "axis", 1)
    if axis is not None and setup.bottom().size(axis) == 0:
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


def _neuron(
    name: str,
    parameter: str,
    in_place: InPlace = InPlace.UNTRIED,
    backward: Backward = NOTHING_READ,
    blobs: Callable[[Setup], Iterable[Blob]] | None = None,
    check: Check | None = None,
) -> LayerType:
    """Return a type of one bottom and one top of the same shape (neuron_layer.hpp)."""
    known = LayerType(
        name, (parameter,) if parameter else (), ONE, ONE, first,
        in_place=in_place, backward=backward, keeps_shape=True, check=check,
    )  # fmt: skip
    return known if blobs is None else known._replace(blobs=blobs)


TYPES = (
    _neuron("AbsVal", "", InPlace.ABORTS, Backward(always), check=own_top),
    _neuron("BNLL", "", InPlace.WRONG_GRADIENT, Backward(always)),
    _neuron("Clip", "clip_param"),
    _neuron("Dropout", "dropout_param", _FINE, check=_check_dropout),
    _neuron("ELU", "elu_param", _FINE, Backward(always, spoilers=needs(VALUES))),
    _neuron(
        "Exp", "exp_param", _FINE, Backward(spoilers=needs(POSITIVE_VALUES)), check=_check_exp,
    ),
    _neuron(
        "Log", "log_param", InPlace.WRONG_GRADIENT, Backward(always), check=_check_log,
    ),
    _neuron(
        "Power", "power_param", InPlace.WRONG_GRADIENT,
        Backward(_power_reads_bottom, spoilers=_power_spoilers),
    ),
    _neuron(
        "PReLU", "prelu_param", _FINE, Backward(always, weights=True), _slope, _check_prelu,
    ),
    _neuron("ReLU", "relu_param", _FINE, Backward(always, spoilers=_relu_spoilers)),
    _neuron("Sigmoid", "sigmoid_param", _FINE, Backward(spoilers=needs(POSITIVE_VALUES))),
    _neuron(
        "Softmax", "softmax_param", _FINE, Backward(spoilers=needs(POSITIVE_VALUES)),
        check=_check_softmax,
    ),
    # Intel's (spatial_dropout_layer.cpp @ intel/caffe 1.1.6).
    _neuron("SpatialDropout", "dropout_param"),
    _neuron("Swish", "swish_param"),
    _neuron("TanH", "tanh_param", _FINE, Backward(spoilers=needs(VALUES))),
    _neuron("Threshold", "threshold_param"),
)  # fmt: skip
