"""Solver::Init as a walk: whether a Caffe makes a solver and takes its first steps.

The walk goes in Caffe's order and goes on after a fault. Source: src/caffe/solver.cpp,
solvers/, util/upgrade_proto.cpp, include/caffe/solver_factory.hpp, sgd_solvers.hpp @ BVLC
master, NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from protolint.diagnostic import Label
from protolint.net.init import construction, faults_of
from protolint.net.net import TEST, TRAIN
from protolint.net.solver import NetReference, Solver
from protolint.net.solver_faults import SolverCheck, SolverFault, SolverKind
from protolint.net.solver_nets import TRAINING, SolverNet, test_nets, train_net
from protolint.net.solver_steps import FirstSteps
from protolint.source import Span
from protolint.text.tree import Block
from protolint.words import counted, titled

__all__ = ["solver_faults", "solver_verdicts"]


def solver_faults(solver: Solver, *kinds: SolverKind) -> list[SolverFault]:
    """Return the faults of some kinds, in Caffe's order."""
    if solver.faults is None:
        solver.faults = tuple(_Walk(solver).run())
    return [fault for fault in solver.faults if fault.kind in kinds]


def solver_verdicts(solver: Solver) -> dict[str, bool | None]:
    """Return whether the solver and its nets stand, for TRAIN and, if it tests, for TEST.

    None where something outside the text decides, such as a net that is not found.
    """
    faults = [fault for fault in solver_faults(solver, *SolverKind) if not fault.late]
    training, tests = train_net(solver), test_nets(solver)
    parts = {TRAIN: [training] if training is not None else []}
    if tests:
        parts[TEST] = tests
    if any(not fault.state for fault in faults):
        return dict.fromkeys(parts, False)
    broken = {fault.state for fault in faults}
    found: dict[str, bool | None] = {}
    for name, nets in parts.items():
        verdicts = [_is_built(net) for net in nets]
        sound = name not in broken and False not in verdicts
        found[name] = None if sound and None in verdicts else sound
    return found


def _is_built(given: SolverNet) -> bool | None:
    net = given.reference.net
    return None if net is None else construction(net, net.view_in(given.state)).builds


class _Walk(SolverCheck):
    """One pass over a solver."""

    def run(self) -> Iterator[SolverFault]:
        """Yield what is found, in Caffe's order."""
        yield from self._type()
        yield from self._init()
        yield from self._nets()
        yield from FirstSteps(self.solver).run()

    # -- What is read, and the solver's own settings.

    def _type(self) -> Iterator[SolverFault]:
        message, dialect = self.message, self.solver.dialect
        if "type" not in message.type.fields:
            return
        if "type" in message and "solver_type" in message:
            yield self.fault(
                SolverKind.TYPE_TWICE, "solver_type",
                "solver_type and type are given both; remove solver_type, the older one",
            )  # fmt: skip
        elif "type" in message:
            yield from self.word("type", sorted(dialect.solver_types), "solver type", late=False)

    def _init(self) -> Iterator[SolverFault]:
        message = self.message
        losses = message.integer("average_loss")
        if losses < 1:
            yield self.fault(
                SolverKind.RANGE, "average_loss", f"average_loss {losses}; it must be 1 or more"
            )
        named = "snapshot_prefix" in message or self.solving.has_snapshot_prefix
        if message.integer("snapshot") and not named:
            yield self.fault(
                SolverKind.SNAPSHOT, "snapshot",
                f"snapshot without snapshot_prefix aborts in {self.solver.dialect.name}; give one",
            )  # fmt: skip

    # -- Nets.

    def _nets(self) -> Iterator[SolverFault]:
        trained = [entry for entry in self.solver.given if entry.field in TRAINING]
        if not trained:
            yield SolverFault(
                SolverKind.TRAINING_NET, Span(0, 0),
                "no net to train; name it in net or train_net",
            )  # fmt: skip
        elif len(trained) > 1:
            yield SolverFault(
                SolverKind.TRAINING_NET, trained[1].node.head_span
                if isinstance(trained[1].node, Block) else trained[1].node.span,
                f"{len(trained)} nets to train ({', '.join(e.field for e in trained)}); keep one",
            )  # fmt: skip
        if self.training is not None:
            yield from self._net(self.training, TRAIN)
            yield from self._weights()
        yield from self._counts(trained)
        seen = set()
        for given in self.tests:
            key = (given.reference.node.start, given.state)
            if key not in seen:
                seen.add(key)
                yield from self._net(given, TEST)

    def _counts(self, trained: list[NetReference]) -> Iterator[SolverFault]:
        """Check test_iter, test_state and test_interval against the nets that are tested."""
        message = self.message
        own = [entry for entry in self.solver.given if entry.field.startswith("test_net")]
        rounds = len(message.integers("test_iter"))
        generic = any(entry.field in ("net", "net_param") for entry in trained)
        if rounds < len(own) if generic else rounds != len(own):
            nets = counted(len(own), "test net") if own else "no test net"
            field = "test_iter" if rounds else own[0].field
            hint = (
                "name one in test_net, or use net"
                if not own
                else "give one test_iter for each test net"
            )
            yield self.fault(SolverKind.TEST_NETS, field, f"{rounds} test_iter for {nets}; {hint}")
        states = len(message.messages("test_state"))
        if states and states != rounds:
            yield self.fault(
                SolverKind.TEST_NETS, "test_state", f"{states} test_state for "
                f"{counted(rounds, 'test net')}; give one for each test_iter, or none",
            )  # fmt: skip
        if rounds and message.integer("test_interval") <= 0:
            yield self.fault(
                SolverKind.INTERVAL,
                "test_iter",
                "test_iter without test_interval aborts; give both",
            )

    def _net(self, given: SolverNet, state: str) -> Iterator[SolverFault]:
        """Check that a net is there and is built in the state that the solver asks for."""
        reference = given.reference
        net, node, path = reference.net, reference.node, reference.path
        name = self.solver.dialect.name
        if not reference.found:
            if _is_settled(path, self.solver, reference.file.elsewhere):
                guess = reference.file.elsewhere
                text = f"there is no '{path}' from here"
                text += f"; did you mean '{guess}'?" if guess else "; name one that is"
                yield SolverFault(SolverKind.NET_FILE, node.span, text, state=state)
                return
            if net is None:
                return
        if net is None or net.has_misfits:
            text = f"'{path}' is no net that {name} reads; name one"
            related: tuple[Label, ...] = ()
            if net is not None and not net.inline:
                text = f"{name} does not read {path}; mend that net, or name its Caffe (--target)"
                related = (Label(net.misfit, "here", net.source),)
            yield SolverFault(SolverKind.NET, node.span, text, related, state=state)
            return
        view = net.view_in(given.state)
        faults = construction(net, view).faults
        if not faults:
            return
        if net.inline:
            # The rules on nets report what is wrong in its states.
            known = {(f.kind, f.span) for f, _ in faults_of(net, *{f.kind for f in faults})}
            faults = tuple(fault for fault in faults if (fault.kind, fault.span) not in known)
        if not faults:
            return
        first = faults[0]
        layer = first.layer
        what = f"{titled(layer.name, layer.type)}: " if layer is not None else ""
        place = Label(first.span, "here", None if net.inline else net.source)
        yield SolverFault(
            SolverKind.NET, node.head_span if isinstance(node, Block) else node.span,
            f"{name} does not build {path or 'this net'} in {given.state}: {what}{first.message}; "
            "mend that net",
            (place,), state=state,
        )  # fmt: skip

    def _weights(self) -> Iterator[SolverFault]:
        """Check that the weights that a solver starts from are there."""
        for value, node in self.message.values.get("weights", ()):
            for name in (part.strip() for part in str(value).split(",")):
                if not os.path.dirname(name) and not self.solver.has_file(name):
                    yield SolverFault(
                        SolverKind.WEIGHTS_FILE, node.span,
                        f"there is no '{name}' from here; name one",
                        node=node, state=TRAIN,
                    )  # fmt: skip


def _is_settled(path: str, solver: Solver, elsewhere: str) -> bool:
    """Whether a file that is not found cannot be found from another working directory either.

    A name without a folder is looked for where Caffe is started, which is the solver's folder
    or one above it. So is a name whose folder is not the solver's, if its last part lies beside
    the solver.
    """
    folder = os.path.dirname(path)
    if not folder:
        return True
    own = os.path.basename(os.path.dirname(os.path.abspath(solver.source.path)))
    return bool(elsewhere) and not os.path.isabs(path) and os.path.basename(folder) != own
