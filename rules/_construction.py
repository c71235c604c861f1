"""What the walk through Net::Init finds, as findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protolint.layers.setup_check import Fault, Kind
from protolint.lint.rule import Finding
from protolint.net.init import faults_of
from protolint.net.net import Net
from protolint.words import joined

from ._layers import named

#: What to do about a kind of fault, where the fault does not say it itself.
_ADVICE = {
    Kind.COUNT: "list as many as it takes",
    Kind.MISSING: "write it",
    Kind.CONTRADICTION: "keep what it takes",
    Kind.RANGE: "change the value",
    Kind.AXIS: "name an axis that is there",
    Kind.WINDOW: "make the window smaller or what it reads larger",
    Kind.GROUP: "choose a number that does",
    Kind.SHAPES: "make them agree",
    Kind.EMPTY: "give every axis a size",
    Kind.SIZE: "make it smaller",
    Kind.FILLER: "change the filler",
    Kind.SHARED: "write the same in both",
    Kind.IN_PLACE: "give the top a name of its own",
}


def findings(
    net: Net, *kinds: Kind, where: Callable[[Fault], bool] = lambda _: True
) -> Iterator[Finding]:
    """Yield a finding for each fault of some kinds, with the states if they are not all."""
    for fault, states in faults_of(net, *kinds):
        if not where(fault):
            continue
        some = "" if len(states) == len(net.views) else f" (in {joined(map(str, states))})"
        name = "" if fault.layer is None else f"{named(fault.layer)}: "
        advice = "" if "; " in fault.message else _ADVICE.get(fault.kind, "")
        ending = f"; {advice}" if advice else ""
        yield Finding(
            fault.span,
            f"{name}{fault.message}{some}{ending}",
            layer=None if fault.layer is None else fault.layer.name,
            related=fault.related,
        )


def is_batchnorm(fault: Fault) -> bool:
    """Whether a fault is about a BatchNorm, whose own rules may report it."""
    return fault.layer is not None and fault.layer.type == "BatchNorm"


# What examples of rules that report faults are made of.

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: [2, 4, 9, 9] } } }\n'


def layer(type: str, fields: str, bottom: str = "x", top: str = "y") -> str:
    """Return the text of a layer for an example, on four lines."""
    return f'layer {{\n  name: "a" type: "{type}" bottom: "{bottom}" top: "{top}"\n  {fields}\n}}\n'
