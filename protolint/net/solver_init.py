"""Solver::Init as a walk: whether a Caffe makes a solver and takes its first steps.

The walk goes in Caffe's order and goes on after a fault. Source: src/caffe/solver.cpp,
solvers/, util/upgrade_proto.cpp, include/caffe/solver_factory.hpp, sgd_solvers.hpp @ BVLC
master, NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import partial
from typing import NamedTuple

from protolint.caffe.binder import Message
from protolint.caffe.legacy import SOLVER_TYPES
from protolint.diagnostic import Label
from protolint.layers.fields import word
from protolint.layers.states import NetState
from protolint.net.init import construction, faults_of
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.solver import NetReference, Solver
from protolint.net.trained import unlike_layers, with_decay
from protolint.source import Span
from protolint.text.tree import Block, Scalar
from protolint.words import counted, joined, titled

__all__ = [
    "SolverFault", "SolverKind", "SolverNet", "solver_faults", "solver_type", "solver_verdicts",
    "test_nets", "train_net",
]  # fmt: skip

_TRAINING = ("train_net_param", "train_net", "net_param", "net")


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


class SolverNet(NamedTuple):
    """A net of a solver in the state that it is built for."""

    reference: NetReference
    state: NetState


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


def solver_type(solver: Solver) -> str:
    """Return the name of the solver's type, whichever field gives it."""
    message = solver.message
    if "type" in message.type.fields and "type" in message:
        return message.text("type")
    return SOLVER_TYPES.get(message.text("solver_type"), "")


def train_net(solver: Solver) -> SolverNet | None:
    """Return the net that is trained, in its state; None where none or several are given."""
    found = [entry for entry in solver.given if entry.field in _TRAINING]
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


class _Walk:
    """One pass over a solver."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.message = solver.message
        self.solving = solver.dialect.solving
        self.type = solver_type(solver)
        self.training = train_net(solver)
        self.tests = test_nets(solver)

    def run(self) -> Iterator[SolverFault]:
        """Yield what is found, in Caffe's order."""
        yield from self._type()
        yield from self._init()
        yield from self._nets()
        yield from self._by_type()
        yield from self._first_test()
        yield from self._on_cpu()
        yield from self._first_step()

    def _at(self, field: str) -> Span:
        """Return where a field stands, else the start of the file."""
        node = self.message.node_of(field)
        return Span(0, 0) if node is None else node.span

    def _fault(self, kind: SolverKind, field: str, text: str, *, late: bool = False) -> SolverFault:
        return SolverFault(kind, self._at(field), text, node=self.message.node_of(field), late=late)

    def _word(
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
        fault = self._fault(SolverKind.WORD, field if word else "base_lr", text, late=late)
        yield fault._replace(names=tuple(names))

    # -- What is read, and the solver's own settings.

    def _type(self) -> Iterator[SolverFault]:
        message, dialect = self.message, self.solver.dialect
        if "type" not in message.type.fields:
            return
        if "type" in message and "solver_type" in message:
            yield self._fault(
                SolverKind.TYPE_TWICE, "solver_type",
                "solver_type and type are given both; remove solver_type, the older one",
            )  # fmt: skip
        elif "type" in message:
            yield from self._word("type", sorted(dialect.solver_types), "solver type", late=False)

    def _init(self) -> Iterator[SolverFault]:
        message = self.message
        losses = message.integer("average_loss")
        if losses < 1:
            yield self._fault(
                SolverKind.RANGE, "average_loss", f"average_loss {losses}; it must be 1 or more"
            )
        named = "snapshot_prefix" in message or self.solving.has_snapshot_prefix
        if message.integer("snapshot") and not named:
            yield self._fault(
                SolverKind.SNAPSHOT, "snapshot",
                f"snapshot without snapshot_prefix aborts in {self.solver.dialect.name}; give one",
            )  # fmt: skip

    # -- Nets.

    def _nets(self) -> Iterator[SolverFault]:
        trained = [entry for entry in self.solver.given if entry.field in _TRAINING]
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
            yield self._fault(SolverKind.TEST_NETS, field, f"{rounds} test_iter for {nets}; {hint}")
        states = len(message.messages("test_state"))
        if states and states != rounds:
            yield self._fault(
                SolverKind.TEST_NETS, "test_state", f"{states} test_state for "
                f"{counted(rounds, 'test net')}; give one for each test_iter, or none",
            )  # fmt: skip
        if rounds and message.integer("test_interval") <= 0:
            yield self._fault(
                SolverKind.INTERVAL, "test_iter", "test_iter without test_interval aborts"
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
                text += f"; did you mean '{guess}'?" if guess else ""
                yield SolverFault(SolverKind.NET_FILE, node.span, text, state=state)
                return
            if net is None:
                return
        if net is None or net.has_misfits:
            text = f"'{path}' is no net that {name} reads"
            yield SolverFault(SolverKind.NET, node.span, text, state=state)
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
            f"{name} does not build {path or 'this net'} in {given.state}: {what}{first.message}",
            (place,), state=state,
        )  # fmt: skip

    def _weights(self) -> Iterator[SolverFault]:
        """Check that the weights that a solver starts from are there."""
        for value, node in self.message.values.get("weights", ()):
            for name in (part.strip() for part in str(value).split(",")):
                if not os.path.dirname(name) and not self.solver.has_file(name):
                    yield SolverFault(
                        SolverKind.WEIGHTS_FILE, node.span, f"there is no '{name}' from here",
                        node=node, state=TRAIN,
                    )  # fmt: skip

    # -- The type's own demands, and the first steps.

    def _by_type(self) -> Iterator[SolverFault]:
        message = self.message
        momentum = message.number("momentum")
        refusing = {"AdaGrad"} if self.solving.rmsprop_takes_momentum else {"AdaGrad", "RMSProp"}
        if self.type in refusing and momentum != 0:
            yield self._fault(
                SolverKind.BY_TYPE, "momentum", f"{self.type} works without momentum; remove it"
            )
        decay = message.number("rms_decay")
        if self.type == "RMSProp" and not 0 <= decay < 1:
            yield self._fault(
                SolverKind.BY_TYPE, "rms_decay", f"rms_decay {decay:g}; it must be at least 0 and "
                "below 1",
            )  # fmt: skip

    def _first_test(self) -> Iterator[SolverFault]:
        if self.tests:
            yield from self._word("eval_type", self.solving.evaluations, "eval_type")
        training = self.training
        for given in self.tests:
            if training is None or training.reference.net is None or given.reference.net is None:
                continue
            yield from self._sharing(training, given)

    def _on_cpu(self) -> Iterator[SolverFault]:
        """Check that every layer has code for the CPU, if that is where the solver runs."""
        if self.message.text("solver_mode") != "CPU" or self.training is None:
            return
        net = self.training.reference.net
        if net is None:
            return
        view = net.view_in(self.training.state)
        for layer in net.of_types(("Pooling",)):
            if layer in view and word(layer, "pooling_param", "pool", "MAX") == "STOCHASTIC":
                place = Label(layer.head, "here", None if net.inline else net.source)
                yield self._fault(
                    SolverKind.MODE, "solver_mode", "stochastic pooling "
                    f"({titled(layer.name, layer.type)}) works on a GPU only", late=True,
                )._replace(related=(place,))  # fmt: skip
                return

    def _sharing(self, training: SolverNet, given: SolverNet) -> Iterator[SolverFault]:
        """Check that layers of one name have the same blobs (Net::ShareTrainedLayersWith)."""
        trained, tested = training.reference.net, given.reference.net
        if trained is None or tested is None:
            return
        unlike = unlike_layers(trained, training.state, tested, given.state)
        if unlike is None:
            return
        layer, other, what = unlike
        node = given.reference.node
        yield SolverFault(
            SolverKind.SHARING, node.head_span if isinstance(node, Block) else node.span,
            f"{titled(layer.name, layer.type)} has {what} in training, so it cannot test what is "
            "trained",
            (
                Label(layer.head, "here", None if tested.inline else tested.source),
                Label(other.head, "trained here", None if trained.inline else trained.source),
            ),
            late=True,
        )  # fmt: skip

    def _first_step(self) -> Iterator[SolverFault]:
        late = partial(self._fault, SolverKind.RANGE, late=True)
        message, solving = self.message, self.solving
        passes = message.integer("iter_size")
        if passes < 1:
            why = (
                "training waits for gradients without end"
                if solving.waits_for_gradients
                else ("nothing is learned: no pass, and the loss is divided by it")
            )
            yield late("iter_size", f"iter_size {passes}: {why}; it must be 1 or more")
        for value, node in message.values.get("test_iter", ()):
            if value == 0:
                yield SolverFault(
                    SolverKind.RANGE, node.span, "test_iter 0: scores are divided by it; it must "
                    "be 1 or more", node=node, late=True,
                )  # fmt: skip
        yield from self._word("lr_policy", solving.policies, "lr_policy")
        yield from self._policy()
        if self.type in ("SGD", "Nesterov") or message.integer("display"):
            yield from self._word("momentum_policy", solving.momentum_policies, "momentum_policy")
        if message.flag("larc"):
            yield from self._word("larc_policy", solving.larc_policies, "larc_policy")
        if message.number("weight_decay") != 0 and self._decays():
            yield from self._word("regularization_type", ("L1", "L2"), "regularization_type")

    def _policy(self) -> Iterator[SolverFault]:
        """Check what the policy of the learning rate needs."""
        late = partial(self._fault, SolverKind.RANGE, late=True)
        message, solving = self.message, self.solving
        policy = message.text("lr_policy")
        size = message.integer("stepsize")
        below = size < 0 and solving.checks_steps
        if (policy == "step" and (size == 0 or below)) or (
            policy == "sigmoid" and size <= 0 and solving.checks_steps
        ):
            given = f"stepsize {size}" if "stepsize" in message else "no stepsize"
            field = "stepsize" if "stepsize" in message else "lr_policy"
            yield late(field, f"lr_policy '{policy}' with {given}; it must be above 0")
        gamma = message.number("gamma")
        if solving.checks_steps and gamma < 0 and policy not in ("fixed", "poly"):
            yield late("gamma", f"gamma {gamma:g}; it must be 0 or more")
        zero = "max_iter" in message and message.integer("max_iter") == 0
        if zero and policy == "poly" and solving.divides_by_max_iter:
            yield late("max_iter", "max_iter 0: lr_policy 'poly' divides by it")
        if solving.checks_min_lr:
            least, rate = message.number("min_lr"), message.number("base_lr")
            if least < 0:
                yield late("min_lr", f"min_lr {least:g}; it must be 0 or more")
            elif policy == "poly" and rate < least:
                yield late(
                    "base_lr", f"base_lr {rate:g} is below min_lr {least:g}, which lr_policy "
                    "'poly' refuses",
                )  # fmt: skip
        if policy == "multifixed":
            rates, stages = message.numbers("stagelr"), message.integers("stageiter")
            if len(rates) != len(stages):
                yield late("lr_policy", f"{len(rates)} stagelr and {len(stages)} stageiter; give "
                           "as many")  # fmt: skip

    def _decays(self) -> bool:
        """Whether some blob of the training net decays, as far as that is known."""
        net = None if self.training is None else self.training.reference.net
        return self.training is None or net is None or with_decay(net, self.training.state)


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
