"""What the walk through Net::Init finds, as findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protolint.layers.setup_check import Fault, Kind
from protolint.lint.rule import Finding
from protolint.net.init import faults_of
from protolint.net.net import Net
from protolint.words import joined

from ._layers import named


def findings(
    net: Net, *kinds: Kind, where: Callable[[Fault], bool] = lambda _: True
) -> Iterator[Finding]:
    """Yield a finding for each fault of some kinds, with the states if they are not all."""
    for fault, states in faults_of(net, *kinds):
        if not where(fault):
            continue
        some = "" if len(states) == len(net.views) else f" (in {joined(map(str, states))})"
        name = "" if fault.layer is None else f"{named(fault.layer)}: "
        yield Finding(
            fault.span,
            f"{name}{fault.message}{some}",
            layer=None if fault.layer is None else fault.layer.name,
            related=fault.related,
        )


def is_batchnorm(fault: Fault) -> bool:
    """Whether a fault is about a BatchNorm, whose own rules may report it."""
    return fault.layer is not None and fault.layer.type == "BatchNorm"
