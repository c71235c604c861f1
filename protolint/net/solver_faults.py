"""Why a Caffe refuses a solver: kinds of faults, and what every check of one asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from protolint.caffe.legacy import SOLVER_TYPES
from protolint.diagnostic import Label
from protolint.net.solver import Solver
from protolint.net.solver_nets import test_nets, train_net
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.text.tree import Block, Scalar
from protolint.words import joined

__all__ = ["SolverCheck", "SolverFault", "SolverKind", "solver_type"]


class SolverKind(Enum):
    """Why a Caffe refuses a solver, by what its user would look up."""

    TYPE_TWICE = "solver_type beside type"
    WORD = "unknown name"
    TRAINING_NET = "training net"
    TEST_NETS = "test nets"
    INTERVAL = "test interval"
    BY_TYPE = "refused by the solver's type"
    RANGE = "value out of range"
    SNAPSHOT = "snapshot without a prefix"
    NET = "a net is not built"
    SHARING = "test net unlike training net"
    MODE = "not on the CPU"
    NET_FILE = "no such net"
    WEIGHTS_FILE = "no such weights"


class SolverFault(NamedTuple):
    """One reason why a solver is refused: its kind, where to look, what to do.

    `state` is the state of the net that it is about. A solver with a fault that is `late`
    is made, and stops in its first steps. `names` are those that may stand in place of a
    word; `node` is the field that is wrong.
    """

    kind: SolverKind
    span: Span
    message: str
    related: tuple[Label, ...] = ()
    node: Scalar | Block | None = None
    late: bool = False
    names: tuple[str, ...] = ()
    state: str = ""


def solver_type(solver: Solver) -> str:
    """Return the name of the solver's type, whichever field gives it."""
    message = solver.message
    if "type" in message.type.fields and "type" in message:
        return message.text("type")
    return SOLVER_TYPES.get(message.text("solver_type"), "")


class SolverCheck:
    """A solver with its nets, and the faults that a check words."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.message = solver.message
        self.solving = solver.dialect.solving
        self.type = solver_type(solver)
        self.training = train_net(solver)
        self.tests = test_nets(solver)

    def at(self, field: str) -> Span:
        """Return where a field stands, else the start of the file."""
        node = self.message.node_of(field)
        return Span(0, 0) if node is None else node.span

    def fault(self, kind: SolverKind, field: str, text: str, *, late: bool = False) -> SolverFault:
        """Return a fault at a field, or at the start of the file where it is not given."""
        return SolverFault(kind, self.at(field), text, node=self.message.node_of(field), late=late)

    def word(
        self, field: str, names: Sequence[str], what: str, *, late: bool = True
    ) -> Iterator[SolverFault]:
        """Check a name; its case counts."""
        if field not in self.message.type.fields or not names:
            return
        word = self.message.text(field)
        if word in names:
            return
        name = self.solver.dialect.name
        text = f"{name} has no {what} '{word}'; it has {joined(names)}"
        if not word:
            text = f"no {field}; {name} has {joined(names)}"
        fault = self.fault(SolverKind.WORD, field if word else "base_lr", text, late=late)
        yield fault._replace(names=tuple(names))
