"""Models on their way: read, planned, written, proven."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from protolint.batchnorm.facts import file_marks
from protolint.batchnorm.reading import Norm, norms_in, require
from protolint.batchnorm.state import BatchNormState, Statistic
from protolint.batchnorm.writer import writer_of
from protolint.caffe.descriptors import Schema, load_schema
from protolint.caffe.dialect import Dialect
from protolint.conversion import notes
from protolint.conversion.decide.affine import SCALE, has_groups
from protolint.conversion.decide.forms import form_of
from protolint.conversion.decide.memory import Memory
from protolint.conversion.decide.plan import plan_net
from protolint.conversion.decide.step import Action, Choices, Plan
from protolint.conversion.notes import Note, Refusal
from protolint.conversion.numbers.embedded_net import is_added_layer, memory_of_layer
from protolint.conversion.numbers.encode import Fate, LayerChange, Recipe
from protolint.conversion.numbers.fields import Translator
from protolint.conversion.numbers.like import BlobShape, Like
from protolint.conversion.numbers.recipes import net_of_model, recipes_of
from protolint.conversion.numbers.rewrite import Rewrite, rewrite_model
from protolint.conversion.prove.weights import TOLERANCE, Proof, prove
from protolint.conversion.report import LayerRow
from protolint.errors import InputError
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.weights.files import mapped
from protolint.weights.index import ModelIndex, index_model
from protolint.weights.splice import Piece, size_of, whole_file, write_spliced
from protolint.wire import Buffer, WireError

__all__ = [
    "Model",
    "ModelPlan",
    "in_net",
    "notes_of",
    "plan_model",
    "read_model_file",
    "refuse",
    "refuse_other_eps",
    "rows_of",
    "with_net",
    "write_model_file",
]


@dataclass(frozen=True, slots=True)
class Model:
    """A binary model as it was read: where everything lies, and its BatchNorm layers.

    `dialect` is the one in whose words it is read, `source` the name of its writer.
    """

    path: str
    index: ModelIndex
    norms: dict[int, Norm]
    dialect: Dialect
    source: str


class ModelPlan(NamedTuple):
    """What will be written, and what is to be told of it."""

    model: Model
    pieces: list[Piece]
    rewrite: Rewrite
    notes: tuple[Note, ...]

    @property
    def size(self) -> int:
        """The bytes of the new file."""
        return size_of(self.pieces)

    @property
    def touched(self) -> frozenset[str]:
        """The layers that are changed, made or left out, by name."""
        changes = self.rewrite.layers
        scales = {c.recipe.scale for c in changes if c.recipe.fate is not Fate.NONE}
        new = {name for c in changes for name in (c.new_name, c.new_scale) if name}
        return frozenset({change.name for change in changes} | scales | new)


def read_model_file(path: str, source: str | None, statistic: Statistic | None) -> Model:
    """The model in a binary file; raises InputError where a layout is not certain."""
    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        norms = require(path, norms_in(data, index, source=source, statistic=statistic))
        marks = file_marks(index)
    writer = writer_of(norms, marks, source)
    found = {norm.position: _as_written(norm, index) for norm in norms}
    return Model(path, index, found, writer.dialect, writer.name)


def _as_written(norm: Norm, index: ModelIndex) -> Norm:
    """The BatchNorm by its name in the file, whatever bytes that has, as the net in it has it."""
    return replace(norm, layer=norm.layer._replace(name=index.layers[norm.position].name))


def with_net(model: Model, net: Net) -> tuple[Model, list[Note]]:
    """The model as it computes in a net: the eps is the prototxt's, not the file's."""
    layers = {layer.name: layer for layer in net.batchnorms}
    norms: dict[int, Norm] = {}
    found: list[Note] = []
    for position, norm in model.norms.items():
        layer = layers.get(norm.name)
        norms[position] = norm
        if layer is None:
            continue
        changed = in_net(norm.with_eps(written_eps(layer)), layer, net)
        if changed.state.eps != norm.state.eps:
            found.append(notes.eps_of_prototxt(norm.name, norm.state.eps, changed.state.eps))
        norms[position] = changed
    return replace(model, norms=norms), found


def in_net(norm: Norm, layer: Layer, net: Net) -> Norm:
    """A BatchNorm with the eps that its layer has in the Caffe the net is written for.

    Where the blobs are not those of that Caffe, theirs counts.
    """
    form = form_of(layer, net)
    made = norm.layout.name.removesuffix("-inv-std").removesuffix("-second-moment")
    if made != form.layout and (made, form.layout) != ("B3", "N16-3"):
        return norm
    return replace(norm, decoded=replace(norm.state, eps=form.eps))


def refuse_other_eps(nets: Sequence[Net], names: Container[str]) -> None:
    """Raise InputError where two nets give a BatchNorm of the weights another eps."""
    known: dict[str, tuple[float, str]] = {}
    for net in nets:
        for layer in net.batchnorms:
            eps = form_of(layer, net).eps
            other, path = known.setdefault(layer.name, (eps, net.source.path))
            if eps != other and layer.name in names:
                raise InputError(
                    net.source.path,
                    f"'{layer.name}' has eps {eps:.6g} here and {other:.6g} in {path}: one file of"
                    " weights fits one of them only; convert the nets one by one, or make them"
                    " agree",
                )


def written_eps(layer: Layer) -> float | None:
    """The eps a layer says, None where it says none."""
    return layer.batchnorm.eps


def plan_model(
    model: Model,
    target: Dialect,
    choices: Choices,
    plans: Sequence[Plan] = (),
    *,
    half: bool = False,
    resume: bool = False,
    like: Like | None = None,
    nets: Sequence[Net] = (),
) -> ModelPlan:
    """The plan of a binary model: by the plans of its nets, or by what it holds itself.

    With `like` it is made to fit that net instead; `nets` then describe the model, before what
    the file says of its layers. Raises InputError where something has no counterpart in the
    target.
    """
    norms = model.norms
    try:
        with mapped(model.path) as (data, _):
            if like is None:
                recipes = recipes_of(plans, norms.values(), target)
                own, notes = _own_recipes(model, target, choices, data, recipes)
                recipes = {**own, **recipes}
            else:
                described = net_of_model(data, model.index, model.dialect, norms)
                fitting = like.fit(
                    model.path,
                    tuple(norms.values()),
                    (*nets, described),
                    _shapes(model.index),
                    _depthwise(model, data),
                )
                recipes, notes = fitting.recipes, list(fitting.notes)
                norms = {at: norm for at, norm in norms.items() if norm.name in recipes}
            translator = Translator(_schema(model), load_schema(target.schema))
            rewrite = rewrite_model(
                data,
                model.index,
                norms,
                recipes,
                target,
                translator,
                half=half,
                resume=resume,
            )
            pieces = whole_file(model.index, rewrite.changes)
    except WireError as error:
        raise InputError(
            model.path, f"byte {error.offset}: {error}; the file is damaged: fetch it again"
        ) from None
    told = (*notes, *rewrite.notes, *notes_of(rewrite.layers), *_file_notes(rewrite, translator))
    return ModelPlan(model, pieces, rewrite, tuple(told))


def _depthwise(model: Model, data: Buffer) -> Callable[[Layer], bool]:
    """Tells the convolutions of a model's own net that stand for Scale layers."""
    entries = {entry.field.start: entry for entry in model.index.layers}
    return lambda layer: has_groups(layer) and is_added_layer(data, entries[layer.node.start])


def _shapes(index: ModelIndex) -> dict[str, list[BlobShape]]:
    """The shapes of the blobs of every layer that has some; the last of a name counts."""
    return {
        layer.name: [BlobShape(tuple(blob.shape), blob.legacy) for blob in layer.blobs]
        for layer in index.layers
        if layer.blobs
    }


def _schema(model: Model) -> Schema:
    """The schema whose field numbers a model uses."""
    return load_schema(model.dialect.schema)


def _own_recipes(
    model: Model, target: Dialect, choices: Choices, data: Buffer, known: Mapping[str, Recipe]
) -> tuple[dict[str, Recipe], list[Note]]:
    """Recipes for the BatchNorm layers that no prototxt speaks of."""
    rest = {norm.name for norm in model.norms.values()} - known.keys()
    if not rest:
        return {}, []
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
    told = rest | {entry.name for entry in model.index.layers if entry.type == SCALE}
    refuse(model.path, [refusal for refusal in plan.refusals if refusal.layer in told])
    norms = [norm for norm in model.norms.values() if norm.name in rest]
    found = recipes_of((plan,), norms, target)
    return found, [note for note in plan.notes if note.code and note.layer in rest]


def _no_longer_plain(
    norms: Iterable[Norm], memories: Mapping[str, Memory | None]
) -> dict[str, Action]:
    """What happens to layers that got a gamma of 1 and a beta of 0, and now have others."""
    return {
        norm.name: Action.SPLIT
        for norm in norms
        if norm.layout.affine
        and not norm.state.identity_affine
        and (memory := memories.get(norm.name)) is not None
        and memory.plain
    }


def refuse(path: str, refusals: Sequence[Refusal]) -> None:
    """Raise InputError for what cannot be converted, if there is anything."""
    if refusals:
        more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
        raise InputError(path, f"{refusals[0]}{more}")


def notes_of(changes: Sequence[LayerChange]) -> Iterator[Note]:
    """What to tell of the numbers of a model."""
    divided = [
        change.norm.state.factor
        for change in changes
        if change.norm.state.factor not in (0, 1) and change.made.factor == 1
    ]
    if divided:
        yield notes.factor_divided(divided)
    untrained = [change.name for change in changes if change.norm.state.age.passes == 0]
    if untrained:
        yield notes.never_trained(untrained)
    broken = [
        change.name
        for change in changes
        if not (np.isfinite(change.made.folded.scale).all() and _sound(change.norm.state))
    ]
    if broken:
        yield notes.statistics_unsound(broken)
    rescaled = [c.name for c in changes if not c.made.gamma_kept and c.recipe.fate is not Fate.FOLD]
    if rescaled:
        yield notes.gamma_changed(rescaled)


def _sound(state: BatchNormState) -> bool:
    """Whether the statistics are numbers that a variance and a mean can be."""
    spread = state.stored_spread
    return bool(np.isfinite(state.stored_mean).all() and np.isfinite(spread).all()) and not bool(
        (spread < 0).any()
    )


def _file_notes(rewrite: Rewrite, translator: Translator) -> Iterator[Note]:
    """What was done to the rest of a file."""
    for name, number in rewrite.recoded.items():
        yield notes.blobs_recoded(name, number)
    dropped = translator.dropped.most_common()
    if dropped:
        yield notes.fields_dropped(translator.target.name, dropped)
    renumbered = translator.renumbered.most_common()
    if renumbered:
        yield notes.fields_renumbered(renumbered)


def rows_of(changes: Sequence[LayerChange], proofs: Sequence[Proof] | None) -> tuple[LayerRow, ...]:
    """The rows of the report; without proofs no difference is known."""
    found: Sequence[Proof | None] = proofs if proofs is not None else [None] * len(changes)
    return tuple(
        LayerRow(
            change.name,
            change.norm.layout.name,
            change.recipe.layout.name,
            change.recipe.fate.value,
            change.recipe.scale,
            change.norm.state.channels,
            change.norm.state.factor,
            change.made.factor,
            change.norm.state.eps,
            change.made.eps,
            proof.difference if proof is not None else None,
            change.norm.evidence,
            proof.absolute if proof is not None else None,
            change.recipe.name,
            change.recipe.scale_name,
        )
        for change, proof in zip(changes, found, strict=True)
    )


def write_model_file(
    plan: ModelPlan,
    output: str,
    target: Dialect,
    *,
    in_place: bool,
    overwrite: bool,
    progress: Callable[[int], None] | None,
    then: Callable[[str], None],
    tolerance: float = TOLERANCE,
) -> list[Proof]:
    """Write the new file, prove it, let everything else happen, and give it its name.

    `then` gets the path of the proven temporary file, `tolerance` is the largest relative
    difference that counts as rounding.

    Raises ProofError, and then nothing has been written.
    """
    proofs: list[Proof] = []

    def verify(path: str) -> None:
        proofs.extend(
            prove(path, plan.rewrite.layers, target, plan.model.index, plan.touched, tolerance)
        )
        then(path)

    write_spliced(
        plan.model.path,
        output,
        plan.pieces,
        state=plan.model.index.state,
        verify=verify,
        in_place=in_place,
        overwrite=overwrite,
        progress=progress,
    )
    return proofs
