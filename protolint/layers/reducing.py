"""Layers that leave few values of many.

Sources: argmax_layer.cpp, reduction_layer.cpp in src/caffe/layers and their headers @ BVLC
master, NVIDIA v0.14.5 to v0.17.4.
"""

from __future__ import annotations

from protolint.layers.base import ONE, LayerType, Setup
from protolint.layers.fields import flag, integer, integers
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, canonical, positive

__all__ = ["TYPES"]


def _reduction(setup: Setup, _i: int) -> Shape:
    """Return the axes before `axis`."""
    axis = canonical(integer(setup.layer, "reduction_param", "axis", 0), setup.first)
    return UNKNOWN if axis is None else Shape.of(setup.first.lead(axis))


def _argmax(setup: Setup, _i: int) -> Shape:
    """One axis cut to the best; without `axis` batch, rows, the best and axes of size 1."""
    bottom = setup.first
    best = positive(integer(setup.layer, "argmax_param", "top_k", 1))
    given = integers(setup.layer, "argmax_param", "axis")
    if given:
        axis = canonical(given[0], bottom)
        return UNKNOWN if axis is None else bottom.resized(axis, best)
    rows = 2 if flag(setup.layer, "argmax_param", "out_max_val") else 1
    lead = (bottom.size(0), rows, best)
    if bottom.axes is None:
        return Shape(lead)
    axes = bottom.axes if setup.dialect.argmax_keeps_axes else max(bottom.axes, 3)
    return Shape.of((*lead, *[1] * (axes - 3))[:axes])


def _check_argmax(setup: SetupCheck) -> None:
    """Demand a top_k of at least one and at most the size of the axis."""
    name = "argmax_param"
    best = setup.integer(name, "top_k", 1)
    if best < 1:
        setup.fault(Kind.RANGE, f"top_k {best}; it must be 1 or more", at=(name, "top_k"))
        return
    if setup.given(name, "axis"):
        axis = setup.axis(name, "axis", 0)
        size = None if axis is None else setup.bottom().size(axis)
    elif setup.axes() == 0:
        setup.fault(Kind.AXIS, f"{setup.called()} has no axis", bottoms=(0,))
        return
    else:
        size = setup.count(setup.bottom(), 1)
    if not setup.faults and setup.exceeds(best, size):
        setup.fault(
            Kind.RANGE, f"top_k {best} is above the {size} values of {setup.called()}",
            at=(name, "top_k"), bottoms=(0,),
        )  # fmt: skip


def _check_reduction(setup: SetupCheck) -> None:
    """Demand an axis; values to add up."""
    axis = setup.axis("reduction_param", "axis", 0)
    if axis is None or setup.faults:
        return
    if setup.count(setup.bottom(), axis) == 0 and setup.word(
        "reduction_param", "operation", "SUM"
    ) in ("SUM", "MEAN"):
        setup.empty(f"{setup.called()} is empty", bottoms=(0,))


TYPES = (
    LayerType("ArgMax", ("argmax_param",), ONE, ONE, _argmax, check=_check_argmax),
    LayerType("Reduction", ("reduction_param",), ONE, ONE, _reduction, check=_check_reduction),
)
