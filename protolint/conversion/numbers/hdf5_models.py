"""The plan of an HDF5 model: what its file holds, by what the prototxt says of its layers."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.batchnorm.facts import LayerFacts, ParamFacts
from protolint.batchnorm.reading import Norm, StoredLayer, norm_of, require
from protolint.batchnorm.state import Array, LayoutError, Statistic
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals, notes, refusals
from protolint.conversion.decide.affine import SCALE
from protolint.conversion.decide.step import Action, Plan
from protolint.conversion.notes import Note
from protolint.conversion.numbers.encode import LayerChange, encode_norm, no_equivalent
from protolint.conversion.numbers.holders import is_identity, moved
from protolint.conversion.numbers.like import BlobShape, Like
from protolint.conversion.numbers.model import in_net, refuse_other_eps
from protolint.conversion.numbers.model_notes import notes_of
from protolint.conversion.numbers.solverstate import ModelLayer
from protolint.conversion.numbers.weight_step import WeightStep, weight_steps_of
from protolint.conversion.refusal import refuse
from protolint.errors import InputError
from protolint.layers.layer import Layer
from protolint.layers.states import NetState
from protolint.net.net import TRAIN, Net
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.hdf5 import read_model

__all__ = ["HDF5Plan", "hdf5_layers", "plan_hdf5"]

#: How many blobs a BatchNorm without gamma and beta has.
_PLAIN = 3


class HDF5Plan(NamedTuple):
    """What becomes of the layers of an HDF5 model; None for a layer that goes."""

    layers: tuple[LayerChange, ...]
    changed: dict[str, tuple[Array, ...] | None]
    notes: tuple[Note, ...]


def plan_hdf5(
    path: str,
    nets: Sequence[Net],
    plans: Sequence[Plan],
    target: Dialect,
    *,
    source: str | None = None,
    statistic: Statistic | None = None,
    resume: bool = False,
    like: Like | None = None,
) -> HDF5Plan:
    """Return the plan of an HDF5 model of these nets; raises InputError as plan_model does.

    With `like` it is made to fit that net instead of the `plans`.
    """
    if not nets:
        raise InputError(path, file_refusals.layers_open())
    blobs = read_model(path)
    norms = _norms(path, blobs, nets, source, statistic)
    notes: list[Note] = []
    gone: dict[str, None] = {}
    changed: dict[str, tuple[Array, ...]] = {}
    if like is None:
        sizes = {name: [b.shape for b in given] for name, given in blobs.items() if given}
        norms = _with_scales(path, norms, blobs, nets)
        steps, notes = moved(path, norms, weight_steps_of(plans, norms, target), nets, sizes)
    else:
        shapes = {name: [BlobShape(b.shape) for b in given] for name, given in blobs.items()}
        fitting = like.fit(path, norms, nets, shapes)
        steps, notes = fitting.steps, list(fitting.notes)
        for name, dims in fitting.shapes.items():
            given = zip(blobs[name], dims, strict=True)
            changed[name] = tuple(blob.reshape(shape) for blob, shape in given)
        for name, new in fitting.names.items():
            gone[name], changed[new] = None, changed.get(name, blobs[name])
    layers: list[LayerChange] = []
    for norm in norms:
        if norm.name not in steps:
            continue
        step = steps[norm.name]
        scale = _scale(norm, step, blobs, notes)
        try:
            made = encode_norm(norm, step, scale, resume=resume)
        except LayoutError as error:
            raise InputError(path, no_equivalent(norm, step, error)) from None
        change = LayerChange(norm, step, made)
        layers.append(change)
        gone[norm.name] = None
        changed[change.new_name] = made.blobs
        new = change.new_scale
        if step.removes_scale or step.scale_name:
            gone[step.scale] = None
        if new and (made.scale is not None or step.scale_name):
            changed[new] = made.scale if made.scale is not None else blobs[step.scale]
        for name in (step.name, new if step.action is Action.SPLIT else step.scale_name):
            if "/" in name:
                named_in = like.path if like is not None else ""
                raise InputError(path, file_refusals.no_name_in_hdf5(name, named_in))
    return HDF5Plan(tuple(layers), {**gone, **changed}, (*notes, *notes_of(layers)))


def _norms(
    path: str,
    blobs: dict[str, tuple[Array, ...]],
    nets: Sequence[Net],
    source: str | None,
    statistic: Statistic | None,
) -> list[Norm]:
    """Return the BatchNorm layers of the nets that have blobs in the file."""
    refuse_other_eps(nets, blobs.keys())
    found: dict[str, Norm] = {}
    for net in nets:
        for layer in net.batchnorms:
            if layer.name not in blobs or layer.name in found:
                continue
            facts = _facts(layer, blobs[layer.name])
            shapes = tuple(values.shape for values in facts.blobs)
            stored = StoredLayer(layer.name, layer.type, (), (), shapes, Span(0, 0))
            (norm,) = require(path, [norm_of(stored, facts, source=source, statistic=statistic)])
            found[layer.name] = in_net(norm, layer, net)
    return list(found.values())


def _with_scales(
    path: str, norms: Sequence[Norm], blobs: dict[str, tuple[Array, ...]], nets: Sequence[Net]
) -> list[Norm]:
    """Return the BatchNorms with the Scale layers that the nets lack, as far as it is clear.

    The file does not say what follows what: a gamma and beta of as many channels belong to the
    only BatchNorm that has so many and no other gamma. Raises InputError where several may be.
    """
    known = {layer.name for net in nets for layer in net.layers}
    placed = {layer.name for net in nets for layer in net.layers if layer.type == SCALE}
    apart = {
        norm.name
        for net in nets
        for norm in net.batchnorms
        for view in net.views_of(norm)
        if any(reader.name in placed & blobs.keys() for reader in view.readers(norm))
    }
    lost: dict[int, list[str]] = {}
    for name, given in blobs.items():
        flat = len(given) == 2 and len(given[0].shape) == 1 and given[0].shape == given[1].shape
        if flat and name not in known and not is_identity(given):
            lost.setdefault(given[0].size, []).append(name)
    bare: dict[int, list[str]] = {}
    for norm in norms:
        if not (norm.layout.affine or norm.name in apart):
            bare.setdefault(norm.state.channels, []).append(norm.name)
    found = []
    for norm in norms:
        channels = norm.state.channels
        scales = lost.get(channels, []) if norm.name in bare.get(channels, []) else []
        if len(scales) > 1 or (scales and len(bare[channels]) > 1):
            refuse(path, [refusals.scales_in_hdf5(norm.name, scales)])
        if scales:
            facts = norm.facts._replace(scale=scales[0])
            norm = norm._replace(facts=facts, scale_blobs=blobs[scales[0]])
        found.append(norm)
    return found


def _facts(layer: Layer, blobs: tuple[Array, ...]) -> LayerFacts:
    """Return what a prototxt and a file say of one layer."""
    params = tuple(ParamFacts(p.lr_mult, p.decay_mult, p.name) for p in layer.params)
    norm = layer.batchnorm
    if len(blobs) == _PLAIN:
        # What the net asks for is not what was trained.
        norm = norm._replace(scale_bias=None)
    return LayerFacts(layer.name, layer.type, blobs, norm=norm, params=params)


def _scale(
    norm: Norm, step: WeightStep, blobs: dict[str, tuple[Array, ...]], found_notes: list[Note]
) -> tuple[Array, ...]:
    """Return the blobs of the Scale layer of a step, flat."""
    if not step.reads_scale:
        return ()
    found = blobs.get(step.scale, ())
    if not found and step.removes_scale:
        found_notes.append(notes.scale_missing(norm.name, step.scale))
    return tuple(values.reshape(-1) for values in found)


def hdf5_layers(path: str, nets: Sequence[Net]) -> list[ModelLayer]:
    """Return the layers with blobs, in the order of the training net."""
    blobs = read_model(path)
    state = NetState(TRAIN)
    for net in nets:
        kept = [layer for layer in net.layers if layer.is_kept(state) and layer.name in blobs]
        if len(kept) == len(blobs):
            return [
                ModelLayer(
                    layer.name,
                    tuple(values.shape for values in blobs[layer.name]),
                    tuple(param.name for param in layer.params),
                )
                for layer in kept
            ]
    raise InputError(path, file_refusals.layers_of_no_net())
