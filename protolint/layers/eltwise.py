"""Layers that put blobs of one shape together, value by value.

Sources: eltwise_layer.cpp in src/caffe/layers and its header @ BVLC master, NVIDIA v0.14.5 to
v0.17.4; axpy_layer.cpp @ NVIDIA v0.17.4, intel/caffe 1.1.6.
"""

from __future__ import annotations

from protolint.layers.base import (
    ONE,
    VALUES,
    Backward,
    InPlace,
    LayerType,
    Setup,
    agreed,
    at_least,
    common,
    exactly,
)
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import Shape

__all__ = ["TYPES", "is_plain_sum", "operation"]


def operation(layer: Layer) -> str:
    """Return the operation of an Eltwise layer, such as "SUM"."""
    param = layer.parameter("eltwise_param")
    return param.text("operation") if param is not None else "SUM"


def is_plain_sum(layer: Layer) -> bool:
    """Return whether an Eltwise adds two or more bottoms as they are.

    Such a one works in the memory of its first bottom where the Caffe shares memory.
    """
    if operation(layer) != "SUM" or len(layer.bottoms) < 2:
        return False
    param = layer.parameter("eltwise_param")
    return param is None or all(coeff == 1 for coeff in param.numbers("coeff"))


def _in_place(layer: Layer) -> InPlace:
    """SUM and MAX clear the top before they read the bottoms (Forward_cpu)."""
    return InPlace.WRONG_OUTPUT if operation(layer) in ("SUM", "MAX") else InPlace.FINE


def _reads_bottom(layer: Layer) -> bool:
    return operation(layer) == "PROD"


def _spoilers(layer: Layer, _in_place: bool) -> frozenset[str]:
    """Return what spoils an unstable product, which divides its output by each bottom."""
    param = layer.parameter("eltwise_param")
    unstable = param is not None and not param.flag("stable_prod_grad")
    return VALUES if unstable and operation(layer) == "PROD" else frozenset()


def _axpy(setup: Setup, _i: int) -> Shape:
    """Return a factor for each channel, then two blobs of the shape of the top."""
    return agreed(setup.bottoms[1:])


def _check_eltwise(setup: SetupCheck) -> None:
    """Demand bottoms alike; a coefficient for each, which a product does not take."""
    name = "eltwise_param"
    coefficients = len(setup.given(name, "coeff"))
    if coefficients not in (0, len(setup.bottoms)):
        setup.fault(
            Kind.CONTRADICTION, f"{coefficients} coeff for {len(setup.bottoms)} bottoms",
            at=(name, "coeff"),
        )  # fmt: skip
        return
    if coefficients and setup.word(name, "operation", "SUM") == "PROD":
        setup.fault(Kind.CONTRADICTION, "operation PROD takes no coeff", at=(name, "coeff"))
        return
    for i in range(1, len(setup.bottoms)):
        if setup.unlike(setup.bottom(), setup.bottom(i)):
            setup.fault(
                Kind.SHAPES, f"Eltwise of {setup.called(0)} and {setup.called(i)}", bottoms=(0, i)
            )


def _check_axpy(setup: SetupCheck) -> None:
    """Demand a factor for each channel, and two blobs alike."""
    for axis in (0, 1):
        if setup.differ(setup.bottom(0).size(axis), setup.bottom(1).size(axis)):
            setup.fault(
                Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} differ in axis {axis}",
                bottoms=(0, 1),
            )  # fmt: skip
            return
    if setup.unlike(setup.bottom(1), setup.bottom(2)):
        setup.fault(Kind.SHAPES, f"{setup.called(1)} and {setup.called(2)} differ", bottoms=(1, 2))
        return
    for axis in (2, 3):
        if setup.axis_of(axis, f"axis {axis}") is None:
            return
        if setup.differ(setup.bottom(0).size(axis), 1):
            setup.fault(Kind.SHAPES, f"the factors {setup.called(0)} must be 1 high and wide",
                        bottoms=(0,))  # fmt: skip
            return


TYPES = (
    LayerType(
        "Eltwise", ("eltwise_param",), at_least(2), ONE, common,
        in_place=_in_place, backward=Backward(_reads_bottom, spoilers=_spoilers),
        check=_check_eltwise,
    ),
    LayerType("Axpy", (), exactly(3), ONE, _axpy, check=_check_axpy),
)  # fmt: skip
