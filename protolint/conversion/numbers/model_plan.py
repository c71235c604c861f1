"""The plan of a binary model: by the plans of its nets, by a net to fit, or by what it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from protolint.batchnorm.reading import Norm
from protolint.batchnorm.stored_scales import is_without_blobs_between
from protolint.caffe.descriptors import Schema, load_schema
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals, refusals
from protolint.conversion.decide.affine import SCALE, has_groups
from protolint.conversion.decide.memory import Memory
from protolint.conversion.decide.plan import plan_net
from protolint.conversion.decide.step import Action, Plan, PlanOptions
from protolint.conversion.notes import Note
from protolint.conversion.numbers.embedded_net import is_added_layer, memory_of_layer, net_of_model
from protolint.conversion.numbers.fields import Translator
from protolint.conversion.numbers.holders import moved
from protolint.conversion.numbers.like import BlobShape, Like
from protolint.conversion.numbers.model import Model
from protolint.conversion.numbers.model_notes import file_notes, notes_of
from protolint.conversion.numbers.rewrite import Rewrite, rewrite_model
from protolint.conversion.numbers.weight_step import WeightStep, weight_steps_of
from protolint.conversion.refusal import refuse
from protolint.errors import InputError
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.weights.files import mapped
from protolint.weights.index import ModelIndex
from protolint.weights.splice import Piece, whole_file
from protolint.wire import Buffer, WireError

__all__ = ["ModelPlan", "plan_model"]


class ModelPlan(NamedTuple):
    """What will be written, and what there is to report.

    `others` are layers that get another name or other shapes, with the name they will have.
    """

    model: Model
    pieces: list[Piece]
    rewrite: Rewrite
    notes: tuple[Note, ...]
    others: Mapping[str, str]

    @property
    def touched(self) -> frozenset[str]:
        """The layers that are changed, made or left out, by name."""
        changes = self.rewrite.layers
        scales = {change.step.scale for change in changes if change.step.scale}
        new = {name for c in changes for name in (c.new_name, c.new_scale) if name}
        others = self.others.keys() | self.others.values()
        return frozenset({change.name for change in changes} | scales | new | others)


def plan_model(
    model: Model,
    target: Dialect,
    choices: PlanOptions,
    plans: Sequence[Plan] = (),
    *,
    half: bool = False,
    floats: bool = False,
    resume: bool = False,
    like: Like | None = None,
    nets: Sequence[Net] = (),
) -> ModelPlan:
    """Return the plan of a binary model: by the plans of its nets, or by what it holds itself.

    With `like` it is made to fit that net instead; `nets` then describe the model, before what
    the file says of its layers. Raises InputError where something has no counterpart in the
    target.
    """
    norms, index = model.norms, model.index
    names: Mapping[str, str] = {}
    others: Mapping[str, Sequence[tuple[int, ...]]] = {}
    try:
        with mapped(model.path) as (data, _):
            if like is None:
                steps = weight_steps_of(plans, norms.values(), target)
                own, notes = _own_steps(model, target, choices, data, steps)
                shapes = {name: [b.dims for b in blobs] for name, blobs in _shapes(index).items()}
                steps, found = moved(model.path, norms.values(), steps, nets, shapes)
                steps, notes = {**own, **steps}, [*notes, *found]
            else:
                described = net_of_model(data, model.index, model.dialect, norms)
                fitting = like.fit(
                    model.path,
                    tuple(norms.values()),
                    (*nets, described),
                    _shapes(model.index),
                    _depthwise(model, data),
                )
                steps, notes = fitting.steps, list(fitting.notes)
                names, others = fitting.names, fitting.shapes
                norms = {at: norm for at, norm in norms.items() if norm.name in steps}
            translator = Translator(_schema(model), load_schema(target.schema))
            rewrite = rewrite_model(
                data,
                model.index,
                norms,
                steps,
                target,
                translator,
                half=half,
                floats=floats,
                resume=resume,
                names=names,
                shapes=others,
            )
            pieces = whole_file(model.index, rewrite.changes)
    except WireError as error:
        raise InputError(model.path, file_refusals.damaged(error)) from None
    all_notes = (
        *notes,
        *rewrite.notes,
        *notes_of(rewrite.layers),
        *file_notes(rewrite, translator),
    )
    return ModelPlan(model, pieces, rewrite, tuple(all_notes), {n: n for n in others} | dict(names))


def _depthwise(model: Model, data: Buffer) -> Callable[[Layer], bool]:
    """Return what finds the convolutions in the place of Scale layers in a model's own net."""
    entries = {entry.field.start: entry for entry in model.index.layers}
    return lambda layer: has_groups(layer) and is_added_layer(data, entries[layer.node.start])


def _shapes(index: ModelIndex) -> dict[str, list[BlobShape]]:
    """Return the shapes of the blobs of every layer that has some; the last of a name counts."""
    return {
        layer.name: [BlobShape(tuple(blob.shape), blob.legacy) for blob in layer.blobs]
        for layer in index.layers
        if layer.blobs
    }


def _schema(model: Model) -> Schema:
    """Return the schema whose field numbers a model uses."""
    return load_schema(model.dialect.schema)


def _own_steps(
    model: Model,
    target: Dialect,
    choices: PlanOptions,
    data: Buffer,
    known: Mapping[str, WeightStep],
) -> tuple[dict[str, WeightStep], list[Note]]:
    """Return steps for the BatchNorm layers that no prototxt speaks of."""
    rest = {norm.name for norm in model.norms.values()} - known.keys()
    if not rest:
        return {}, []
    if is_without_blobs_between(model.index):
        placed = {norm.facts.scale for norm in model.norms.values()}
        scales = [e.name for e in model.index.layers if e.type == SCALE and e.name not in placed]
        refuse(model.path, [refusals.nothing_between(scales)] if scales else [])
    net = net_of_model(data, model.index, model.dialect, model.norms)
    entries = {entry.field.start: entry for entry in model.index.layers}
    memories = {
        name: memory_of_layer(data, entry)
        for entry in entries.values()
        if (name := entry.name) in rest
    }
    choices = choices._replace(
        forced=_no_longer_plain(model.norms.values(), memories),
        identity=frozenset(
            norm.name
            for norm in model.norms.values()
            if norm.layout.affine and norm.state.identity_affine
        ),
        drop_global_stats=True,
        recall=lambda layer: memory_of_layer(data, entries[layer.node.start]),
        depthwise=_depthwise(model, data),
        channels={norm.name: norm.state.channels for norm in model.norms.values()},
    )
    plan = plan_net(net, target, choices)
    # Layers of other types and their fields are no matter of weights, but a Scale is.
    spoken = rest | {entry.name for entry in model.index.layers if entry.type == SCALE}
    refuse(model.path, [refusal for refusal in plan.refusals if refusal.layer in spoken])
    norms = [norm for norm in model.norms.values() if norm.name in rest]
    found = weight_steps_of((plan,), norms, target)
    return found, [note for note in plan.notes if note.code and note.layer in rest]


def _no_longer_plain(
    norms: Iterable[Norm], memories: Mapping[str, Memory | None]
) -> dict[str, Action]:
    """Return what happens to layers that got a gamma of 1 and a beta of 0, and now have others."""
    return {
        norm.name: Action.SPLIT
        for norm in norms
        if norm.layout.affine
        and not norm.state.identity_affine
        and (memory := memories.get(norm.name)) is not None
        and memory.plain
    }
