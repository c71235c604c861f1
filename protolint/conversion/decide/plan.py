"""From a net in its own dialect to what becomes of each BatchNorm layer in another.

A plan holds no text and no numbers: protolint.conversion.text.net makes edits of it, and the
weights are converted by the same steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from protolint.caffe.dialect import Dialect
from protolint.conversion import refusals
from protolint.conversion.decide.action import Case, choose
from protolint.conversion.decide.affine import CONVOLUTION, has_beta
from protolint.conversion.decide.build_step import make_step
from protolint.conversion.decide.forms import Form, Multipliers, form_of
from protolint.conversion.decide.memory import Memory
from protolint.conversion.decide.rest import whole_net
from protolint.conversion.decide.scene import Scene
from protolint.conversion.decide.step import (
    Action,
    Member,
    Plan,
    PlanOptions,
    ScaleChange,
    SpecChange,
    Step,
)
from protolint.conversion.notes import Note
from protolint.conversion.refusal import Refusal
from protolint.errors import UsageError
from protolint.layers.layer import Layer
from protolint.net.net import Net

__all__ = [
    "Action",
    "Form",
    "Member",
    "Multipliers",
    "Note",
    "Plan",
    "PlanOptions",
    "Refusal",
    "ScaleChange",
    "SpecChange",
    "Step",
    "plan_net",
    "plan_nets",
]

#: Which action holds where two nets of one model come to different ones: the first of these.
_PRECEDENCE = (
    Action.FREEZE,
    Action.SPLIT,
    Action.FOLD,
    Action.IDENTITY,
    Action.KEEP,
    Action.DROP,
    Action.MERGE,
)


def plan_net(net: Net, target: Dialect, choices: PlanOptions | None = None) -> Plan:
    """Return what converting a net to another dialect does.

    The net is read in the dialect it is written for. Raises UsageError for an engine that the
    target does not have.
    """
    choices = choices or PlanOptions()
    if choices.engine is not None and choices.engine not in target.engines:
        known = ", ".join(target.engines)
        raise UsageError(f"{target.name} has no engine '{choices.engine}'; known: {known}")
    return _Planner(Scene(net, target, choices)).plan()


def plan_nets(
    nets: Sequence[Net], target: Dialect, choices: PlanOptions | None = None
) -> tuple[Plan, ...]:
    """Return the plans of nets that are to share weights: the training net, the deploy net.

    A layer of one name gets one action in all of them.
    """
    choices = choices or PlanOptions()
    names = frozenset(layer.name for net in nets for layer in net.layers)
    scenes = [Scene(net, target, choices) for net in nets]
    # What one of them trains is no identity in the others either.
    learned = {n for n in choices.identity if any(scene.learns_affine(n) for scene in scenes)}
    choices = choices._replace(taken=choices.taken | names, identity=choices.identity - learned)
    plans = tuple(plan_net(net, target, choices) for net in nets)
    actions: dict[str, set[Action]] = {}
    for plan in plans:
        for step in plan.steps:
            actions.setdefault(step.layer, set()).add(step.action)
    forced = {
        name: next(action for action in _PRECEDENCE if action in found)
        for name, found in actions.items()
        if len(found) > 1
    }
    if not forced:
        return plans
    choices = choices._replace(forced={**choices.forced, **forced})
    return tuple(plan_net(net, target, choices) for net in nets)


class _Planner:
    """One net and one target."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.net = scene.net
        self.target = scene.target

    def plan(self) -> Plan:
        """Return the whole plan."""
        net, target = self.net, self.target
        steps = tuple(
            step
            for name, layers in self.scene.groups.items()
            if (step := self._step(name, layers)) is not None
        )
        if net.dialect == target and all(step.is_same for step in steps):
            return Plan(net.dialect, target, steps, (), tuple(self.scene.refusals))
        whole = whole_net(self.scene, steps)
        return Plan(
            net.dialect,
            target,
            steps,
            (*self.scene.notes, *whole.notes),
            (*self.scene.refusals, *whole.refusals),
            whole.left_out,
            whole.inputs,
            whole.shares_memory,
        )

    # One BatchNorm.

    def _step(self, name: str, layers: list[Layer]) -> Step | None:
        net = self.net
        forms = [form_of(layer, net) for layer in layers]
        if net.dialect.merges_scale and any(form.affine for form in forms):
            # A Scale behind one variant becomes the gamma and beta of the blobs they share.
            forms = [next(form for form in forms if form.affine)]
        source = forms[0]
        if not self._is_sound(name, layers, forms):
            return None
        memory = self.scene.memory(layers)
        engine = self._engine(layers[0], memory)
        running = self.target.resolve_engine(engine, with_cudnn=net.build.cudnn)
        pairing = self.scene.pairing(layers)
        stands_in = any(scale.type == CONVOLUTION for scale in pairing.scales)
        replaces = stands_in and self.scene.has_scale
        if net.dialect == self.target and running == source.engine and not replaces:
            members = tuple(Member(layer.index) for layer in layers)
            scale = None
            if pairing.is_one:
                bias = has_beta(pairing.scales[0])
                scale = ScaleChange(pairing.scales[0].name, bias, bias, pairing.scales[0].type)
            return Step(name, Action.KEEP, source, source, members, scale)
        case = Case(name, layers, source, engine, running, memory, pairing)
        action = choose(self.scene, case)
        return None if action is None else make_step(self.scene, case, action)

    def _is_sound(self, name: str, layers: list[Layer], forms: list[Form]) -> bool:
        """Whether the layers are what one step can speak of; refuses where they are not."""
        before = len(self.scene.refusals)
        for layer in layers:
            if len(layer.bottoms) != 1 or len(layer.tops) != 1:
                ends = len(layer.bottoms), len(layer.tops)
                self.scene.refuse(refusals.not_one_blob(name, *ends))
            if "blobs" in layer.message:
                self.scene.refuse(refusals.weights_in_text(name))
        both = next((v for v in self.net.views if sum(one in v for one in layers) > 1), None)
        if both is not None:
            self.scene.refuse(refusals.two_at_once(name, str(both.state)))
        if len(set(forms)) > 1:
            differ = "engine" if len({form.layout for form in forms}) > 1 else "eps"
            self.scene.refuse(refusals.variants_differ(name, differ))
        return len(self.scene.refusals) == before

    def _engine(self, layer: Layer, memory: Memory | None) -> str:
        """Return what the `engine` field is to say."""
        if not self.target.has_engines:
            return ""
        param = layer.parameter("batch_norm_param")
        written = param.text("engine") if param is not None and "engine" in param else ""
        home = memory is not None and memory.dialect == self.target.name
        if memory is not None and memory.engine and (home or not self.net.dialect.has_engines):
            written = "" if memory.engine == "DEFAULT" else memory.engine
        if written not in ("DEFAULT", *self.target.engines):
            written = ""  # one of another Caffe
        wanted = self.scene.choices.engine
        cudnn = self.net.build.cudnn
        if wanted is None or self.target.resolve_engine(written, with_cudnn=cudnn) == wanted:
            return written
        return wanted
