"""How many bottoms and tops a layer has against those it takes.

Source: CheckBlobCounts in include/caffe/layer.hpp.
"""

from __future__ import annotations

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.setup_check import Kind, SetupCheck

__all__ = ["check_counts"]


def check_counts(setup: SetupCheck) -> bool:
    """Check the number of bottoms and tops; True where nothing is wrong with them."""
    layer = setup.layer
    known = ALL_TYPES[layer.type]
    least, most = known.bottoms_of(layer, setup.dialect)
    least_tops, most_tops = known.tops_of(layer, setup.dialect)
    bottoms, tops = len(layer.bottom_names), len(layer.top_names)
    if known.is_loss and tops < 1:
        tops = 1
    before = len(setup.faults)
    if bottoms < least or (most is not None and bottoms > most):
        surplus = layer.bottoms[most].span if most is not None and bottoms > most else None
        setup.fault(
            Kind.COUNT, f"{layer.type} takes {_in_words(least, most, 'bottom')}, here {bottoms}",
            span=surplus,
        )  # fmt: skip
    if tops < least_tops or (most_tops is not None and tops > most_tops):
        surplus = layer.tops[most_tops].span if most_tops is not None and tops > most_tops else None
        setup.fault(
            Kind.COUNT,
            f"{layer.type} gives {_in_words(least_tops, most_tops, 'top')}, here {tops}",
            span=surplus,
        )  # fmt: skip
    elif (
        known.equal
        and not setup.building.unequal_convolutions
        and bottoms != tops
        and len(setup.faults) == before
    ):
        setup.fault(
            Kind.COUNT, f"{layer.type} gives a top for each bottom, here {tops} for {bottoms}"
        )
    return len(setup.faults) == before


def _in_words(least: int, most: int | None, what: str) -> str:
    def plural(count: int) -> str:
        return (
            f"{'no' if count == 0 else 'one' if count == 1 else count} {what}{'s' * (count != 1)}"
        )

    if most is None:
        return f"at least {plural(least)}"
    return plural(least) if least == most else f"{least} to {most} {what}s"
