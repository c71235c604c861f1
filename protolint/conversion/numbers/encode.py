"""What one BatchNorm becomes in numbers, whatever kind of file it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from protolint.batchnorm.base import Layout, ParamRule, Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.reading import Norm
from protolint.batchnorm.reference import Folded, fold
from protolint.batchnorm.state import (
    Array,
    BatchNormState,
    LayoutError,
    Statistic,
    with_affine,
    with_eps,
)
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals
from protolint.conversion.decide.affine import CONVOLUTION, SCALE
from protolint.conversion.decide.step import Action
from protolint.record import NamedTuple

__all__ = [
    "FROZEN_SCALE",
    "Encoded",
    "LayerChange",
    "Recipe",
    "after_scale",
    "encode_norm",
    "no_equivalent",
    "target_layout",
    "written_layout",
]


class FrozenScale(Layout):
    """A BatchNorm whose statistics never change, as the Scale layer it amounts to.

    One multiplication, gamma / sqrt(var + eps), and one addition, beta - mean times that;
    without gamma and beta where a Scale layer of their own follows.
    """

    __slots__ = ()
    roles = (Role.GAMMA, Role.BETA)

    @property
    def params(self) -> tuple[ParamRule, ...]:
        """Both are frozen."""
        return tuple(ParamRule(role, 0.0, 0.0) for role in self.roles)

    def fit(self, state: BatchNormState) -> BatchNormState:
        """Return the state as it is: its eps is in the multiplication."""
        return state

    def encode(
        self,
        state: BatchNormState,
        *,
        factor: float | None = None,
        separate_scale: bool = False,
    ) -> tuple[Array, ...]:
        """Return the two blobs, worked out in float64 and rounded once."""
        if separate_scale:
            state = replace(state, gamma=None, beta=None)
        folded = fold(state)
        if not (np.all(np.isfinite(folded.scale)) and np.all(np.isfinite(folded.shift))):
            raise LayoutError(file_refusals.not_positive())
        return folded.scale.astype(state.dtype), folded.shift.astype(state.dtype)


FROZEN_SCALE = FrozenScale("Scale")
_OUTCOMES = {
    Action.KEEP: "kept",
    Action.MERGE: "merged",
    Action.SPLIT: "added",
    Action.FOLD: "changed",
    Action.REPLACE: "replaced",
}


class Recipe(NamedTuple):
    """What one BatchNorm of a file becomes: its layout, and the Scale layer that goes or comes.

    `action` is that of a step, as the file needs it: one that leaves gamma and beta out, or makes
    them 1 and 0, keeps what there is. `scale` is the Scale layer it speaks of, of the file unless
    it is new, "" for none. `eps` is what the target's prototxt will say, None for the nearest the
    target has. `engine` is the one that runs, `written` what `engine` is set to, "" for nothing.
    `bias` says whether a Scale layer that is added or changed has a beta.
    `name` and `scale_name` are what the two layers are called from then on, "" where they
    keep their names. `scale_type` is the type of a Scale layer that is added or put in the place
    of another.
    The comments are what the BatchNorm and a new Scale layer remember (see memory.py).
    """

    layout: Layout
    action: Action = Action.KEEP
    scale: str = ""
    eps: float | None = None
    engine: str = "CAFFE"
    written: str = ""
    comment: str = ""
    scale_comment: str = ""
    bias: bool = True
    name: str = ""
    scale_name: str = ""
    scale_type: str = SCALE

    @property
    def reads_scale(self) -> bool:
        """Whether the file has the Scale layer."""
        return self.scale != "" and self.action is not Action.SPLIT

    @property
    def removes_scale(self) -> bool:
        """Whether the Scale layer of the file goes."""
        return self.action in (Action.MERGE, Action.REPLACE)

    @property
    def adds_scale(self) -> bool:
        """Whether a layer with gamma and beta is written behind the BatchNorm."""
        return self.action in (Action.SPLIT, Action.REPLACE)

    @property
    def outcome(self) -> str:
        """What reports say became of the Scale layer."""
        return _OUTCOMES[self.action] if self.scale else "none"


class Encoded(NamedTuple):
    """One BatchNorm in the target's layout.

    `scale` are gamma and beta of the Scale layer after it, where that is new or changed.
    `folded` is what the source computes, with the Scale layer where `measured_with_scale`.
    `gamma_kept` says whether gamma is the source's, bit for bit: that of the BatchNorm, or
    of the Scale layer where that is changed.
    """

    blobs: tuple[Array, ...]
    scale: tuple[Array, ...] | None
    eps: float
    factor: float
    folded: Folded
    measured_with_scale: bool
    gamma_kept: bool


class LayerChange(NamedTuple):
    """What was made of one BatchNorm: for the report, and for the proof to measure."""

    norm: Norm
    recipe: Recipe
    made: Encoded

    @property
    def name(self) -> str:
        """The layer's name in the source."""
        return self.norm.name

    @property
    def new_name(self) -> str:
        """The layer's name in the result."""
        return self.recipe.name or self.norm.name

    @property
    def new_scale(self) -> str:
        """The name in the result of the Scale layer behind it, "" where there is none."""
        merged = self.recipe.action is Action.MERGE
        return "" if merged else self.recipe.scale_name or self.recipe.scale


def target_layout(target: Dialect, engine: str, *, affine: bool) -> Layout:
    """Return the layout a target has for one engine, with its own rule for eps."""
    kind = target.engines[engine or "CAFFE"]
    name = kind.layout_of(affine=kind.has_affine(asked=affine))
    return replace(LAYOUTS[name], eps=kind.eps)


def written_layout(layout: Layout, channels: int) -> Layout:
    """Return the layout to write into a binary file: one that its own Caffe reads rightly."""
    name = layout.stored_as(channels)
    return layout if name == layout.name else replace(LAYOUTS[name], eps=layout.eps)


@np.errstate(invalid="ignore", over="ignore")
def after_scale(folded: Folded, blobs: Sequence[Array]) -> Folded:
    """Return a folded BatchNorm with a Scale layer (gamma, and beta if it has one) after it."""
    if not blobs:
        return folded
    gamma = blobs[0].reshape(-1).astype(np.float64)
    beta = blobs[1].astype(np.float64) if len(blobs) > 1 else np.zeros_like(gamma)
    return Folded(
        folded.scale * gamma,
        folded.shift * gamma + beta,
        folded.size * np.abs(gamma) + np.abs(beta),
    )


def no_equivalent(norm: Norm, recipe: Recipe, error: LayoutError) -> str:
    """Return why a layer's numbers cannot be written in a layout, and what to do about it."""
    layout = recipe.layout
    has_room = layout.affine or layout.sums
    return file_refusals.no_equivalent(norm.name, layout.name, str(error), has_room=has_room)


@np.errstate(invalid="ignore", over="ignore")
def encode_norm(
    norm: Norm, recipe: Recipe, scale: tuple[Array, ...], *, resume: bool = False
) -> Encoded:
    """Return the blobs of a BatchNorm after its recipe.

    `scale` are the flat blobs of the Scale layer that the recipe names, none if there is no
    such layer. `resume` gives sums the factor of a run that has settled. Raises LayoutError
    where the numbers have no equivalent.
    """
    layout, state = recipe.layout, norm.state
    scale = _checked(scale, recipe, state.channels)
    folded = fold(state)
    if recipe.removes_scale and scale:
        state = with_affine(state, *scale)
        folded = after_scale(folded, scale)
    fitted = _fitted(state, recipe)
    kept = np.array_equal(fitted.scale, state.scale, equal_nan=True)
    separate = recipe.adds_scale
    beside: tuple[Array, ...] | None = layout.scale_blobs(fitted) if separate else None
    # What a kept Scale layer cannot leave to the BatchNorm has to go into it.
    kept_apart = recipe.action is Action.KEEP and recipe.scale != ""
    pushed = kept_apart and not layout.affine and not fitted.identity_affine
    if pushed or recipe.action is Action.FOLD:
        if not scale:
            raise LayoutError(file_refusals.no_gamma_for_each(recipe.scale))
        total = with_affine(fitted, *scale)
        separate, beside = True, (total.scale, total.shift)
        folded = after_scale(folded, scale)
        kept = np.array_equal(total.scale, scale[0], equal_nan=True)
    if beside is not None and not recipe.bias:
        if np.any(beside[1] != 0):
            raise LayoutError(file_refusals.no_bias(recipe.scale))
        beside = beside[:1]
    if beside is not None and recipe.scale_type == CONVOLUTION:
        beside = (beside[0].reshape(-1, 1, 1, 1), *beside[1:])
    blobs = layout.encode(
        fitted, factor=_factor(fitted, norm, recipe) if resume else None, separate_scale=separate
    )
    factor = float(blobs[2][0]) if layout.sums else 1.0
    return Encoded(blobs, beside, fitted.eps, factor, folded, separate, kept)


def _checked(scale: tuple[Array, ...], recipe: Recipe, channels: int) -> tuple[Array, ...]:
    """Return the Scale layer's blobs where they belong to each channel."""
    if not scale or (len(scale) <= 2 and all(len(values) == channels for values in scale)):
        return scale
    if not recipe.removes_scale:
        return ()
    sizes = " and ".join(str(len(values)) for values in scale)
    raise LayoutError(file_refusals.other_sizes(recipe.scale, sizes, channels))


def _fitted(state: BatchNormState, recipe: Recipe) -> BatchNormState:
    """Return the state with the eps that the target will add."""
    layout = recipe.layout
    if recipe.eps is not None and layout.statistic is not Statistic.INVERSE_DEVIATION:
        state = with_eps(state, layout.eps.effective(recipe.eps))
    return layout.fit(state)


def _factor(fitted: BatchNormState, norm: Norm, recipe: Recipe) -> float | None:
    """Return the factor of sums of a settled run, where the source has plain statistics."""
    fraction = norm.facts.fraction
    if not recipe.layout.sums or fitted.factor != 1 or not 0 < fraction < 1:
        return None
    return float(2 ** round(math.log2(1 / (1 - fraction))))
