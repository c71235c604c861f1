"""What layers of several families demand alike; each check is True where nothing is wrong."""

from __future__ import annotations

from protolint.layers.setup_check import Kind, SetupCheck

__all__ = ["above_zero", "alike", "as_many_items", "has_memory", "left_open", "own_top"]


def own_top(setup: SetupCheck) -> bool:
    """Demand a top that is not the bottom, unless this Caffe's layer works in place."""
    layer = setup.layer
    if 0 not in setup.in_place or layer.type in setup.dialect.works_in_place:
        return True
    setup.fault(Kind.IN_PLACE, f"{layer.type} does not work in place", span=layer.tops[0].span)
    return False


def has_memory(setup: SetupCheck) -> bool:
    """Demand a bottom with memory, which the top shares (ShareData in blob.cpp)."""
    if 0 not in setup.bottom().dims:
        return True
    setup.empty(f"{setup.called()} is empty", bottoms=(0,))
    return False


def above_zero(setup: SetupCheck, parameter: str, *fields: str) -> bool:
    """Demand fields that are given and above 0."""
    for field in fields:
        value = setup.integer(parameter, field, 0)
        if value <= 0:
            kind = Kind.RANGE if setup.given(parameter, field) else Kind.MISSING
            text = f"{field} {value}; it must be above 0" if kind is Kind.RANGE else f"no {field}"
            setup.fault(kind, text, at=(parameter, field))
            return False
    return True


def alike(setup: SetupCheck, first: int, second: int, *axes: int) -> bool:
    """Demand two bottoms that have the same sizes along some of the four axes of old."""
    if not (setup.four_axes_at_most(first) and setup.four_axes_at_most(second)):
        return False
    for axis in axes:
        if setup.differ(setup.legacy(axis, first), setup.legacy(axis, second)):
            setup.fault(
                Kind.SHAPES,
                f"{setup.called(first)} and {setup.called(second)} differ in axis {axis}",
                bottoms=(first, second),
            )
            return False
    return True


def as_many_items(setup: SetupCheck) -> bool:
    """Demand as many labels as data (loss_layer.cpp)."""
    if setup.building.losses_by_num:
        if not (setup.four_axes_at_most(0) and setup.four_axes_at_most(1)):
            return False
        a, b = setup.legacy(0, 0), setup.legacy(0, 1)
    else:
        for i in (0, 1):
            if setup.bottom(i).axes == 0:
                setup.fault(Kind.AXIS, f"{setup.called(i)} has no axis", bottoms=(i,))
                return False
        a, b = setup.bottom(0).size(0), setup.bottom(1).size(0)
    if setup.differ(a, b):
        setup.fault(
            Kind.SHAPES, f"{setup.called(0)} and {setup.called(1)} have not as many items",
            bottoms=(0, 1),
        )  # fmt: skip
        return False
    return True


def left_open(setup: SetupCheck) -> bool:
    """Leave it open whether a layer is built: something outside the text decides."""
    setup.unsure = True
    return True
