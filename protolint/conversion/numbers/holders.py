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
from protolint.conversion.numbers.encode import Recipe
from protolint.conversion.refusal import Refusal, refuse
from protolint.net.net import Net

__all__ = ["Shapes", "is_identity", "moved"]

#: The sizes of the axes of each blob of a layer, by the layer's name; layers without blobs lack.
Shapes = Mapping[str, Sequence[Sequence[int]]]


def moved(
    path: str,
    norms: Iterable[Norm],
    recipes: Mapping[str, Recipe],
    nets: Sequence[Net],
    shapes: Shapes,
) -> tuple[dict[str, Recipe], list[Note]]:
    """Return the recipes, with the layers of the file named where its gamma and beta are.

    `nets` are those the recipes come from, `shapes` those of every layer with blobs in `path`.
    Raises InputError where a gamma or beta has no place in the net, or two layers may hold it.
    """
    mover = _Mover(frozenset(layer.name for net in nets for layer in net.layers), nets, shapes)
    found = {
        norm.name: mover.recipe(norm, recipes[norm.name]) for norm in norms if norm.name in recipes
    }
    refuse(path, mover.refusals)
    return {**recipes, **found}, mover.notes


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

    def recipe(self, norm: Norm, recipe: Recipe) -> Recipe:
        """Return the recipe of a BatchNorm as the file needs it."""
        stored = norm.facts.scale or ""
        if stored in self.layers or stored not in self.shapes:
            # A layer that the net knows by its name is not this one's to move.
            stored = ""
        if recipe.reads_scale:
            if recipe.scale not in self.shapes:
                return self._elsewhere(norm, recipe, stored)
            if stored:
                self.refusals.append(refusals.two_holders(norm.name, recipe.scale, stored))
            if recipe.action is Action.KEEP and len(self.shapes[recipe.scale]) != 1 + recipe.bias:
                # Its Caffe refuses the pair; a beta of 0 is what is missing, or too much.
                return recipe._replace(action=Action.FOLD)
            return recipe
        if stored:
            return self._without_layer(norm, recipe, stored)
        loses = norm.layout.affine and not recipe.layout.affine and not recipe.scale
        if loses and not norm.state.identity_affine:
            self.refusals.append(refusals.no_place(norm.name, ""))
        return recipe

    def _elsewhere(self, norm: Norm, recipe: Recipe, stored: str) -> Recipe:
        """Return the recipe where the net has a Scale layer, and the file none of that name."""
        wanted = recipe.scale
        if stored:
            self.notes.append(notes.scale_found(norm.name, stored, wanted))
            if recipe.action is Action.MERGE:
                return recipe._replace(scale=stored)
            return self._beside(norm, recipe, stored)
        if norm.layout.affine:
            self.notes.append(notes.affine_found_inside(norm.name, wanted))
            if recipe.action is Action.MERGE:
                return recipe._replace(action=Action.KEEP, scale="")
            return recipe._replace(action=Action.SPLIT)
        if self._starts_plain(wanted):
            if recipe.action is Action.MERGE:
                return recipe
            self.notes.append(notes.scale_filled(norm.name, wanted))
            return recipe._replace(action=Action.SPLIT)
        if recipe.removes_scale:
            self.refusals.append(refusals.filled_otherwise(norm.name, wanted))
        return recipe

    def _without_layer(self, norm: Norm, recipe: Recipe, stored: str) -> Recipe:
        """Return the recipe where the file has a Scale layer, and the net none in its place."""
        if recipe.action is Action.SPLIT:
            self.notes.append(notes.scale_found(norm.name, stored, recipe.scale))
            return self._beside(norm, recipe, stored)
        if not (norm.name in self.affine or is_identity(norm.scale_blobs)):
            # Its Caffe reads over such a layer, or the net was meant to have one: nobody knows.
            self.refusals.append(refusals.no_place(norm.name, stored))
        self.notes.append(notes.scale_found_apart(norm.name, stored))
        return recipe._replace(action=Action.MERGE, scale=stored)

    def _beside(self, norm: Norm, recipe: Recipe, stored: str) -> Recipe:
        """Return the recipe with a Scale layer of the file under the name that the net has."""
        channels = norm.state.channels
        same = all(tuple(shape) == (channels,) for shape in self.shapes[stored])
        same = same and len(self.shapes[stored]) == 1 + recipe.bias
        action = Action.KEEP if same else Action.FOLD
        if recipe.scale_type == CONVOLUTION:
            action = Action.REPLACE
        return recipe._replace(action=action, scale=stored, scale_name=recipe.scale)

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
