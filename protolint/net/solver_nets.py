"""Which nets a solver trains and tests, each in the state that it is built for."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.layers.states import NetState
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.solver import NetReference, Solver
from protolint.record import NamedTuple

__all__ = ["TRAINING", "SolverNet", "test_nets", "train_net"]

#: The fields that give the net to train, in Caffe's order (InitTrainNet in solver.cpp).
TRAINING = ("train_net_param", "train_net", "net_param", "net")


class SolverNet(NamedTuple):
    """A net of a solver in the state that it is built for."""

    reference: NetReference
    state: NetState


def train_net(solver: Solver) -> SolverNet | None:
    """Return the net that is trained, in its state; None where none or several are given."""
    found = [entry for entry in solver.given if entry.field in TRAINING]
    if len(found) != 1:
        return None
    state = solver.message.message("train_state")
    return SolverNet(found[0], _merged(TRAIN, found[0].net, state))


def test_nets(solver: Solver) -> list[SolverNet]:
    """Return the nets that are tested, one for each `test_iter`, as InitTestNets counts them."""
    own = [e for field in ("test_net_param", "test_net") for e in solver.given if e.field == field]
    generic = [entry for entry in solver.given if entry.field in ("net_param", "net")]
    rounds = len(solver.message.integers("test_iter"))
    nets = [*own, *generic[:1] * (rounds - len(own))]
    states = solver.message.messages("test_state")
    return [
        SolverNet(net, _merged(TEST, net.net, states[i] if i < len(states) else None))
        for i, net in enumerate(nets)
    ]


def _merged(phase: str, net: Net | None, more: Message | None) -> NetState:
    """Return a phase with what the net's own state and then the solver's say on top."""
    level = 0
    stages: list[str] = []
    for given in (None if net is None else net.message.message("state"), more):
        if given is not None:
            phase = given.text("phase") if "phase" in given else phase
            level = given.integer("level") if "level" in given else level
            stages += given.texts("stage")
    return NetState(phase, frozenset(stages), level)
