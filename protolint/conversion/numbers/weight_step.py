"""What one BatchNorm becomes in blobs: a step of a plan, or of a net to fit, for weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from protolint.batchnorm.base import Layout, ParamRule, Role
from protolint.batchnorm.layouts import LAYOUTS
from protolint.batchnorm.reading import Norm
from protolint.batchnorm.reference import fold
from protolint.batchnorm.state import Array, BatchNormState, LayoutError
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals
from protolint.conversion.decide.affine import CONVOLUTION, SCALE
from protolint.conversion.decide.memory import ADDED, mark
from protolint.conversion.decide.step import Action, Plan, Step
from protolint.record import NamedTuple

__all__ = ["FROZEN_SCALE", "WeightStep", "target_layout", "weight_steps_of"]


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
            state = state._replace(gamma=None, beta=None)
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


class WeightStep(NamedTuple):
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


def weight_steps_of(
    plans: Sequence[Plan], norms: Iterable[Norm], target: Dialect
) -> dict[str, WeightStep]:
    """Return what to do with each BatchNorm; the first plan that has a step for a layer decides.

    Layers without a step in any plan are not in the result.
    """
    steps: dict[str, Step] = {}
    for plan in reversed(plans):
        steps.update((step.layer, step) for step in plan.steps)
    return {
        norm.name: _weight_step(steps[norm.name], target) for norm in norms if norm.name in steps
    }


def _weight_step(step: Step, target: Dialect) -> WeightStep:
    """Return what one step comes to for blobs."""
    comment = mark(step.memory) if step.memory is not None else ""
    scale = step.scale
    if step.action is Action.FREEZE:
        if scale is None:
            return WeightStep(FROZEN_SCALE, comment=comment)
        new = scale.before is None
        return WeightStep(
            FROZEN_SCALE,
            Action.SPLIT if new else Action.KEEP,
            scale.name,
            comment=comment,
            scale_comment=ADDED if new else "",
            bias=scale.after is not False,
        )
    engine = step.target.engine
    layout = target_layout(target, engine, affine=step.target.affine)
    keeps = step.action in (Action.IDENTITY, Action.DROP)
    new = step.action is Action.SPLIT or (scale is not None and scale.type == CONVOLUTION)
    return WeightStep(
        layout,
        Action.KEEP if keeps else step.action,
        scale.name if scale is not None and step.action is not Action.DROP else "",
        step.target.eps,
        engine,
        step.engine,
        comment,
        ADDED if new else "",
        bias=scale is None or scale.after is not False,
        scale_type=scale.type if scale is not None else SCALE,
    )


def target_layout(target: Dialect, engine: str, *, affine: bool) -> Layout:
    """Return the layout a target has for one engine, with its own rule for eps."""
    kind = target.engines[engine or "CAFFE"]
    name = kind.layout_of(affine=kind.has_affine(asked=affine))
    return LAYOUTS[name]._replace(eps=kind.eps)
