"""What a conversion means for the rest of a net: fields, layer types, inputs, sharing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence

from protolint.caffe.binder import bind
from protolint.caffe.descriptors import load_schema
from protolint.caffe.registry import DIALECTS
from protolint.conversion import notes, refusals
from protolint.conversion.decide.affine import SCALE
from protolint.conversion.decide.scene import Scene
from protolint.conversion.decide.step import Action, Step
from protolint.conversion.decide.unknown import Foreign, foreign_fields, foreign_types
from protolint.conversion.notes import Note
from protolint.conversion.refusal import Refusal
from protolint.layers.layer import Layer
from protolint.lint.registry import find_rule
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.text import parse

__all__ = ["Whole", "whole_net"]

#: The rule of what a field of the net can forbid.
_SHARING = "NT007"
#: Fields of batch_norm_param that a step writes or leaves out.
_EDITED = frozenset(
    (
        "bias_filler", "bias_term", "engine", "eps", "scale_bias", "scale_filler",
        "use_global_stats", "use_weight_bias",
    )
)  # fmt: skip


class Whole(NamedTuple):
    """Everything of a plan that is not about one BatchNorm."""

    notes: tuple[Note, ...]
    refusals: tuple[Refusal, ...]
    left_out: tuple[Foreign, ...]
    inputs: bool
    shares_memory: bool


def whole_net(scene: Scene, steps: Sequence[Step]) -> Whole:
    """Return what has to be done to a net, and reported, apart from the steps."""
    net, target = scene.net, scene.target
    no_inputs = net.dialect.has_input_layer and not target.has_input_layer
    merged = {
        member.scale
        for step in steps
        for member in step.members
        if step.action in (Action.MERGE, Action.REPLACE) and member.scale is not None
    }
    gone = [
        layer
        for layer in net.layers
        if layer.index in merged or (no_inputs and layer.type == "Input")
    ]
    paired = {step.scale.name for step in steps if step.scale is not None}
    refused = [*_types(scene, gone, paired)]
    left_out: list[Foreign] = []
    for layer, foreign in _fields(scene, gone):
        if _is_users(net, foreign):
            continue
        if foreign.harmless or foreign.path.rpartition(".")[2] in scene.choices.drop_fields:
            left_out.append(foreign)
            continue
        refused.append(refusals.no_counterpart(layer, foreign.path, target.name, foreign.setting))
    converts = no_inputs and any(layer.type == "Input" for layer in net.layers)
    if no_inputs:
        refused += _inputs(net, target.name)
    loses = net.dialect.reads_inputs_of_inline_nets and not target.reads_inputs_of_inline_nets
    if net.inline and loses and "input" in net.message:
        refused.append(refusals.inputs_inside_solver(target.name))
    shares = _shares_memory(scene)
    found = [*_notes(scene, steps, left_out)]
    if shares:
        found.append(notes.sharing_forbidden(target.name))
    if converts:
        found.append(notes.inputs_become_fields(target.name))
    if net.source.path in scene.choices.going_back:
        refused = []
    return Whole(tuple(found), tuple(refused), tuple(left_out), converts, shares)


def _types(scene: Scene, gone: Sequence[Layer], paired: Container[str]) -> Iterator[Refusal]:
    """Layers whose type the target does not register; `paired` are gamma and beta by name."""
    lost = [layer for layer in foreign_types(scene.net, scene.target) if layer not in gone]
    scales = [layer for layer in lost if layer.type == SCALE and layer.name in paired]
    if scales and not scene.convolves:
        yield refusals.scales_unknown(scene.target.name, [layer.name for layer in scales])
        lost = [layer for layer in lost if layer not in scales]
    if lost:
        types = {layer.type for layer in scene.net.layers} & scene.net.dialect.layer_types
        others = [
            dialect.name
            for dialect in DIALECTS.values()
            if dialect.can_be_written and types <= dialect.layer_types
        ]
        names = [(layer.name, layer.type) for layer in lost]
        schema = load_schema(scene.target.schema)
        foreign = (field for layer in lost for field in foreign_fields(layer.message, schema))
        fields = dict.fromkeys(f.setting for f in foreign if f.setting and not f.harmless)
        yield refusals.types_unknown(scene.target.name, names, others, list(fields))


def _fields(scene: Scene, gone: Sequence[Layer]) -> Iterator[tuple[str, Foreign]]:
    """Yield what the target's schema lacks, with the layer it is in; BatchNorm's own are edited."""
    net = scene.net
    skip = {layer.node.start for layer in gone}
    lost = {layer.index for layer in foreign_types(net, scene.target)}
    for layer in net.layers:
        if layer.index in lost:
            skip.add(layer.node.start)
        param = layer.parameter("batch_norm_param") if layer.type == "BatchNorm" else None
        if param is not None and param.node is not None:
            skip.add(param.node.start)
            for foreign in foreign_fields(param, load_schema(scene.target.schema)):
                if foreign.path.partition(":")[0] not in _EDITED:
                    yield layer.name, foreign
    for foreign in foreign_fields(net.message, load_schema(scene.target.schema), skip):
        at = foreign.node.start
        inside = (one.name for one in net.layers if one.node.start <= at < one.node.end)
        yield next(inside, ""), foreign


def _is_users(net: Net, foreign: Foreign) -> bool:
    """Whether the settings name a field as one of the user's own Caffe."""
    field = foreign.path.rpartition(".")[2]
    return any(name.rpartition(".")[2] == field for name in net.build.extra_fields)


def _inputs(net: Net, target: str) -> Iterator[Refusal]:
    """Yield inputs that the fields of a net cannot declare as NVIDIA 0.14 reads them."""
    message = net.message
    legacy = "input" in message
    if legacy and not ("input_dim" in message or "input_shape" in message):
        yield refusals.inputs_without_shape(target)
    if "input_dim" in message and "input_shape" in message:
        yield refusals.inputs_twice(target)
    for layer in net.layers:
        if layer.type != "Input":
            continue
        param = layer.parameter("input_param")
        given = len(param.messages("shape")) if param is not None else 0
        if layer.include or layer.exclude:
            yield refusals.input_of_a_phase(layer.name, target)
        elif given not in (1, len(layer.tops)):
            yield refusals.input_shapes(layer.name, target)
        elif "input_dim" in message:
            yield refusals.input_fields_mixed(layer.name, target)


def _in_target(scene: Scene) -> Net:
    """Return the net as the target would build it, were it to read the text as it is."""
    net = scene.net
    node = net.message.node
    fields = node.children if node is not None else parse(net.source).children
    # Bound again, as the target has other fields, and other defaults.
    message, _ = bind(load_schema(scene.target.schema).messages["NetParameter"], fields)
    cudnn = net.build.cudnn and scene.choices.engine != "CAFFE"
    build = net.build._replace(schema=None, cudnn=cudnn)
    return Net(message, scene.target, net.source, build=build, inline=net.inline)


def _shares_memory(scene: Scene) -> bool:
    """Return whether the target would write a sum over a blob that is still needed."""
    net = scene.net
    if not net.source.data or not net.of_types(("Eltwise",)):
        return False
    rule = find_rule(_SHARING)
    if rule.applies_to(net.dialect.name) or not rule.applies_to(scene.target.name):
        return False
    return next(iter(rule.check(_in_target(scene))), None) is not None


def _notes(scene: Scene, steps: Sequence[Step], left_out: Sequence[Foreign]) -> Iterator[Note]:
    """Yield what to say of the net as a whole."""
    target = scene.target
    if left_out:
        counts = Counter(foreign.path.rpartition(".")[2] for foreign in left_out)
        shown = [f"{name} ({n}x)" if n > 1 else name for name, n in counts.most_common()]
        yield notes.fields_left_out(target.name, shown)
    orders = {
        (step.source.blobs, step.target.blobs)
        for step in steps
        if step.action is not Action.FREEZE and step.source.blobs != step.target.blobs
    }
    for before, after in sorted(orders):
        yield notes.blobs_reordered(before, after)
    if any(_resets(scene, step) for step in steps):
        yield notes.statistics_replaced(target.name)


def _resets(scene: Scene, step: Step) -> bool:
    """Whether training in the target begins with statistics of its own."""
    if step.action is Action.FREEZE:
        return False
    kind = scene.target.engines[step.target.engine]
    if not kind.first_batch_replaces_statistics:
        return False
    if kind.state_keeps_statistics and scene.choices.goes_on:
        return False
    return scene.trains([scene.net.layers[member.layer] for member in step.members])
