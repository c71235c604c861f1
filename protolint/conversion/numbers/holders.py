"""Where a file has gamma and beta, and where the net it is given with has room for them.

The steps of a plan speak of the net's layers. A file of another Caffe has the same gamma and
beta elsewhere: in a Scale layer that the net lacks or calls by another name, or in the BatchNorm
where the net has a Scale layer. Caffe refuses such a pair or fills those blobs, so the only
meaning it can have is that the gamma and beta of the file are those of the net.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from protolint.batchnorm.reading import Norm
from protolint.batchnorm.state import Array
from protolint.conversion import notes, refusals
from protolint.conversion.decide.affine import CONVOLUTION
from protolint.conversion.decide.forms import filler_of, form_of
from protolint.conversion.decide.step import Action
from protolint.conversion.notes import Note
from protolint.conversion.numbers.weight_step import WeightStep
from protolint.conversion.refusal import Refusal, refuse
from protolint.net.net import Net

__all__ = ["Shapes", "is_identity", "moved"]

#: The sizes of the axes of each blob of a layer, by the layer's name; layers without blobs lack.
Shapes = Mapping[str, Sequence[Sequence[int]]]


def moved(
    path: str,
    norms: Iterable[Norm],
    steps: Mapping[str, WeightStep],
    nets: Sequence[Net],
    shapes: Shapes,
) -> tuple[dict[str, WeightStep], list[Note]]:
    """Return the steps, with the layers of the file named where its gamma and beta are.

    `nets` are those the steps come from, `shapes` those of every layer with blobs in `path`.
    Raises InputError where a gamma or beta has no place in the net, or two layers may hold it.
    """
    mover = _Mover(frozenset(layer.name for net in nets for layer in net.layers), nets, shapes)
    found = {norm.name: mover.step(norm, steps[norm.name]) for norm in norms if norm.name in steps}
    refuse(path, mover.refusals)
    return {**steps, **found}, mover.notes


def is_identity(blobs: Sequence[Array]) -> bool:
    """Whether a gamma, and a beta if there is one, do nothing."""
    usual = zip(blobs, (1, 0), strict=False)
    return len(blobs) <= 2 and all(bool(np.all(values == value)) for values, value in usual)


class _Mover:
    """One file, beside the nets it is given with."""

    def __init__(self, layers: frozenset[str], nets: Sequence[Net], shapes: Shapes) -> None:
        self.layers = layers
        self.affine = {
            layer.name for net in nets for layer in net.batchnorms if form_of(layer, net).affine
        }
        self.nets = nets
        self.shapes = shapes
        self.notes: list[Note] = []
        self.refusals: list[Refusal] = []

    def step(self, norm: Norm, step: WeightStep) -> WeightStep:
        """Return the step of a BatchNorm as the file needs it."""
        stored = norm.facts.scale or ""
        if stored in self.layers or stored not in self.shapes:
            # A layer that the net knows by its name is not this one's to move.
            stored = ""
        if step.reads_scale:
            if step.scale not in self.shapes:
                return self._elsewhere(norm, step, stored)
            if stored:
                self.refusals.append(refusals.two_holders(norm.name, step.scale, stored))
            if step.action is Action.KEEP and len(self.shapes[step.scale]) != 1 + step.bias:
                # Its Caffe refuses the pair; a beta of 0 is what is missing, or too much.
                return step._replace(action=Action.FOLD)
            return step
        if stored:
            return self._without_layer(norm, step, stored)
        loses = norm.layout.affine and not step.layout.affine and not step.scale
        if loses and not norm.state.identity_affine:
            self.refusals.append(refusals.no_place(norm.name, ""))
        return step

    def _elsewhere(self, norm: Norm, step: WeightStep, stored: str) -> WeightStep:
        """Return the step where the net has a Scale layer, and the file none of that name."""
        wanted = step.scale
        if stored:
            self.notes.append(notes.scale_found(norm.name, stored, wanted))
            if step.action is Action.MERGE:
                return step._replace(scale=stored)
            return self._beside(norm, step, stored)
        if norm.layout.affine:
            self.notes.append(notes.affine_found_inside(norm.name, wanted))
            if step.action is Action.MERGE:
                return step._replace(action=Action.KEEP, scale="")
            return step._replace(action=Action.SPLIT)
        if self._starts_plain(wanted):
            if step.action is Action.MERGE:
                return step
            self.notes.append(notes.scale_filled(norm.name, wanted))
            return step._replace(action=Action.SPLIT)
        if step.removes_scale:
            self.refusals.append(refusals.filled_otherwise(norm.name, wanted))
        return step

    def _without_layer(self, norm: Norm, step: WeightStep, stored: str) -> WeightStep:
        """Return the step where the file has a Scale layer, and the net none in its place."""
        if step.action is Action.SPLIT:
            self.notes.append(notes.scale_found(norm.name, stored, step.scale))
            return self._beside(norm, step, stored)
        if not (norm.name in self.affine or is_identity(norm.scale_blobs)):
            # Its Caffe reads over such a layer, or the net was meant to have one: nobody knows.
            self.refusals.append(refusals.no_place(norm.name, stored))
        self.notes.append(notes.scale_found_apart(norm.name, stored))
        return step._replace(action=Action.MERGE, scale=stored)

    def _beside(self, norm: Norm, step: WeightStep, stored: str) -> WeightStep:
        """Return the step with a Scale layer of the file under the name that the net has."""
        channels = norm.state.channels
        same = all(tuple(shape) == (channels,) for shape in self.shapes[stored])
        same = same and len(self.shapes[stored]) == 1 + step.bias
        action = Action.KEEP if same else Action.FOLD
        if step.scale_type == CONVOLUTION:
            action = Action.REPLACE
        return step._replace(action=action, scale=stored, scale_name=step.scale)

    def _starts_plain(self, scale: str) -> bool:
        """Whether the fillers of a Scale layer make a gamma of 1 and a beta of 0."""
        return all(is_plain for net in self.nets for is_plain in _plain_fillers(net, scale))


def _plain_fillers(net: Net, name: str) -> Iterator[bool]:
    for layer in net.layers:
        if layer.name == name and layer.type == "Scale":
            gamma = filler_of(layer, "scale_param", "filler")
            beta = filler_of(layer, "scale_param", "bias_filler")
            yield gamma is None or gamma.is_constant(1)
            yield beta is None or beta.is_constant(0)
