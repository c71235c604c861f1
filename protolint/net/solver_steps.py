"""What a Caffe demands of a solver beyond its nets: by its type, and in its first steps.

Source: include/caffe/sgd_solvers.hpp, src/caffe/solver.cpp, solvers/sgd_solver.cpp @ BVLC
master, NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TypeAlias, Union

from protolint.diagnostic import Label
from protolint.layers.fields import decay_rates, word
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.layers.states import NetState
from protolint.net.init import construction
from protolint.net.net import Net
from protolint.net.parameters import Parameter, layer_parameters
from protolint.net.shapes import bottom_shapes
from protolint.net.solver_faults import SolverCheck, SolverFault, SolverKind
from protolint.net.solver_nets import SolverNet
from protolint.text.tree import Block
from protolint.words import titled

__all__ = ["FirstSteps"]

_Blobs: TypeAlias = Union[tuple[Parameter, ...], None]


class FirstSteps(SolverCheck):
    """The checks of a solver that is made, in Caffe's order."""

    def run(self) -> Iterator[SolverFault]:
        """Yield what is found."""
        yield from self._by_type()
        yield from self._first_test()
        yield from self._on_cpu()
        yield from self._first_step()

    # -- The type's own demands, and the first steps.

    def _by_type(self) -> Iterator[SolverFault]:
        message = self.message
        momentum = message.number("momentum")
        refusing = {"AdaGrad"} if self.solving.rmsprop_takes_momentum else {"AdaGrad", "RMSProp"}
        if self.type in refusing and momentum != 0:
            yield self.fault(
                SolverKind.BY_TYPE, "momentum", f"{self.type} works without momentum; remove it"
            )
        decay = message.number("rms_decay")
        if self.type == "RMSProp" and not 0 <= decay < 1:
            yield self.fault(
                SolverKind.BY_TYPE, "rms_decay", f"rms_decay {decay:g}; it must be at least 0 and "
                "below 1",
            )  # fmt: skip

    def _first_test(self) -> Iterator[SolverFault]:
        if self.tests:
            yield from self.word("eval_type", self.solving.evaluations, "eval_type")
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
                yield self.fault(
                    SolverKind.MODE, "solver_mode", "stochastic pooling "
                    f"({titled(layer.name, layer.type)}) works on a GPU only; use one", late=True,
                )._replace(related=(place,))  # fmt: skip
                return

    def _sharing(self, training: SolverNet, given: SolverNet) -> Iterator[SolverFault]:
        """Check that layers of one name have the same blobs (Net::ShareTrainedLayersWith)."""
        trained, tested = training.reference.net, given.reference.net
        if trained is None or tested is None:
            return
        unlike = _unlike_layers(trained, training.state, tested, given.state)
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
        late = partial(self.fault, SolverKind.RANGE, late=True)
        message, solving = self.message, self.solving
        passes = message.integer("iter_size")
        if passes < 1:
            why = (
                "training waits for gradients without end"
                if solving.waits_for_gradients
                else ("nothing is learned: no pass, and the loss is divided by it")
            )
            yield late("iter_size", f"iter_size {passes}: {why}; it must be 1 or more")
        yield from self.word("lr_policy", solving.policies, "lr_policy")
        yield from self._policy()
        if self.type in ("SGD", "Nesterov") or message.integer("display"):
            yield from self.word("momentum_policy", solving.momentum_policies, "momentum_policy")
        if message.flag("larc"):
            yield from self.word("larc_policy", solving.larc_policies, "larc_policy")
        if message.number("weight_decay") != 0 and self._decays():
            yield from self.word("regularization_type", ("L1", "L2"), "regularization_type")

    def _policy(self) -> Iterator[SolverFault]:
        """Check what the policy of the learning rate needs."""
        late = partial(self.fault, SolverKind.RANGE, late=True)
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
            yield late("max_iter", "max_iter 0: lr_policy 'poly' divides by it; raise it")
        if solving.checks_min_lr:
            least, rate = message.number("min_lr"), message.number("base_lr")
            if least < 0:
                yield late("min_lr", f"min_lr {least:g}; it must be 0 or more")
            elif policy == "poly" and rate < least:
                yield late(
                    "base_lr", f"base_lr {rate:g} is below min_lr {least:g}, which lr_policy "
                    "'poly' refuses; lower it",
                )  # fmt: skip
        if policy == "multifixed":
            rates, stages = message.numbers("stagelr"), message.integers("stageiter")
            if len(rates) != len(stages):
                yield late("lr_policy", f"{len(rates)} stagelr and {len(stages)} stageiter; give "
                           "as many")  # fmt: skip

    def _decays(self) -> bool:
        """Whether some blob of the training net decays, as far as that is known."""
        net = None if self.training is None else self.training.reference.net
        return self.training is None or net is None or _with_decay(net, self.training.state)


def _with_decay(net: Net, state: NetState) -> bool:
    """Whether some blob of a net has a decay_mult that is not 0, or may have one."""
    view = net.view_in(state)
    built = construction(net, view)
    for layer in view.layers:
        blobs = layer_parameters(net, layer, bottom_shapes(view, layer, built.shapes))
        rates = decay_rates(layer)
        if blobs is None or any(i >= len(rates) or rates[i] != 0 for i in range(len(blobs))):
            return True
    return False


def _unlike_layers(
    trained: Net, training: NetState, tested: Net, testing: NetState
) -> tuple[Layer, Layer, str] | None:
    """Return the first layer of a test net whose blobs are not those of the training net.

    With it comes the layer of the same name in the training net, and how they differ.
    """
    views = (tested.view_in(testing), trained.view_in(training))
    ours = construction(tested, views[0]).shapes
    theirs = construction(trained, views[1]).shapes
    by_name: dict[str, Layer] = {}
    for layer in views[1].layers:
        by_name.setdefault(layer.name, layer)
    for layer in views[0].layers:
        other = by_name.pop(layer.name, None)
        if other is None:
            continue
        here, there = bottom_shapes(views[0], layer, ours), bottom_shapes(views[1], other, theirs)
        if layer is other and here == there:
            continue
        what = _difference(
            layer_parameters(tested, layer, here), layer_parameters(trained, other, there)
        )
        if what:
            return layer, other, what
    return None


def _difference(ours: _Blobs, theirs: _Blobs) -> str:
    if ours is None or theirs is None:
        return ""
    if len(ours) != len(theirs):
        return f"{len(theirs)} blobs and {len(ours)} here"
    for i, (here, there) in enumerate(zip(ours, theirs, strict=True)):
        if _known(here.shape) and _known(there.shape) and here.shape.dims != there.shape.dims:
            return f"blob {i} of shape {there.shape} ({here.shape} here)"
    return ""


def _known(shape: Shape) -> bool:
    return shape.complete and None not in shape.dims
