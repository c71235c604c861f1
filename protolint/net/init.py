"""Whether a Caffe builds a net in its states, and why not."""

from __future__ import annotations

from protolint.layers.setup_check import Fault, Kind
from protolint.layers.states import NetState
from protolint.net.facts import fact
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.view import View
from protolint.net.walk import Construction, Walk

__all__ = [
    "Construction", "construction", "fault_kinds", "faults_of", "state_of", "verdict", "verdicts",
]  # fmt: skip


def faults_of(net: Net, *kinds: Kind) -> list[tuple[Fault, list[NetState]]]:
    """Return the faults of some kinds, with the states among those the net is meant for.

    What several states have in common is one fault.
    """
    return [entry for entry in _all_faults(net) if entry[0].kind in kinds]


def fault_kinds(net: Net) -> frozenset[str]:
    """Return the names of the kinds of which there are faults in the states of a net."""
    found = net.fault_kinds
    if found is None:
        found = net.fault_kinds = frozenset(fault.kind.name for fault, _ in _all_faults(net))
    return found


def _all_faults(net: Net) -> list[tuple[Fault, list[NetState]]]:
    found = net.faults
    if found is None:
        merged: dict[tuple[object, ...], tuple[Fault, list[NetState]]] = {}
        for view in net.views:
            for fault in construction(net, view).faults:
                layer = fault.layer
                key = (fault.kind, None if layer is None else layer.index, fault.span)
                states = merged.setdefault(key, (fault, []))[1]
                if view.state not in states:  # two faults of a kind may have one place
                    states.append(view.state)
        found = net.faults = list(merged.values())
    return found


def verdicts(net: Net) -> dict[str, bool | None]:
    """Return whether the net is built, for TRAIN and TEST or the states of its stages."""
    if net.is_stage_net:
        return {str(view.state): construction(net, view).builds for view in net.views}
    return {phase: verdict(net, state_of(net, phase)) for phase in (TRAIN, TEST)}


def state_of(net: Net, phase: str) -> NetState:
    """Return the state that a phase makes with the net's own `state`."""
    given = net.message.message("state")
    if given is None:
        return NetState(phase)
    return NetState(phase, frozenset(given.texts("stage")), given.integer("level"))


def verdict(net: Net, state: NetState) -> bool | None:
    """Return whether the net is built in a state; None where the text does not decide it."""
    return construction(net, net.view_in(state)).builds


@fact
def construction(net: Net, view: View) -> Construction:
    """Walk through Net::Init for one view; once for all that keep the same layers."""
    if view.twin is not None:
        before = construction(net, view.twin)
        if not before.by_phase:
            return before
    return Walk(net, view).run()
