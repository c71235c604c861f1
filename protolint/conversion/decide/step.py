"""What a plan is made of: steps for BatchNorm layers, notes, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType

from protolint.caffe.dialect import Dialect
from protolint.conversion.decide.affine import SCALE
from protolint.conversion.decide.forms import Form, Multipliers
from protolint.conversion.decide.memory import Memory
from protolint.conversion.decide.unknown import Foreign
from protolint.conversion.notes import Note
from protolint.conversion.refusal import Refusal
from protolint.layers.layer import Layer
from protolint.record import NamedTuple

__all__ = [
    "Action",
    "Member",
    "Plan",
    "PlanOptions",
    "Reshape",
    "ScaleChange",
    "SpecChange",
    "Step",
]


class Action(Enum):
    """What becomes of gamma and beta.

    KEEP: they stay where they are, in the BatchNorm, in a Scale layer, or nowhere.
    IDENTITY: the target's BatchNorm always has them, and gets 1 and 0; a Scale layer stays.
    MERGE: those of the Scale layer go into the BatchNorm, times its own if it has any.
    SPLIT: those of the BatchNorm go into a new Scale layer.
    FOLD: those of the BatchNorm go into the Scale layer that follows and stays.
    REPLACE: those of both go into a new layer in the place of the one that follows: a
    convolution where there is no Scale layer, a Scale layer where there was a convolution.
    DROP: those of the BatchNorm are left out; they have to be 1 and 0.
    FREEZE: the BatchNorm becomes a Scale layer of the same name, which multiplies and adds
    what the stored statistics amount to; its own gamma and beta go into it, or into a new
    Scale layer where they learn.
    """

    KEEP = "keep"
    IDENTITY = "identity"
    MERGE = "merge"
    SPLIT = "split"
    FOLD = "fold"
    REPLACE = "replace"
    DROP = "drop"
    FREEZE = "freeze"


class ScaleChange(NamedTuple):
    """The Scale layer a step speaks of: whether it has a beta, before and after.

    None where there is no such layer: a new one has no `before`, a merged one no `after`. `type`
    is that of the layer in the target.
    """

    name: str
    before: bool | None
    after: bool | None
    type: str = SCALE


class SpecChange(NamedTuple):
    """How gamma or beta learns, before and after, wherever it is; None where it is not."""

    before: Multipliers | None = None
    after: Multipliers | None = None


class Reshape(NamedTuple):
    """Two Reshape layers around a BatchNorm, for a target that needs four axes.

    `axes` is how many its bottom has. `before` and `after` are the names of the two layers,
    `inside` that of the blob between them and the BatchNorm; `normalised` is the blob it writes to
    where it cannot work in place, else "". `behind` is the Scale layer behind which the second
    one goes; None means directly behind the BatchNorm.
    """

    axes: int
    before: str
    after: str
    inside: str
    normalised: str = ""
    behind: int | None = None


class Member(NamedTuple):
    """One layer of a step's name, by its index in Net.layers; phase twins are members of one step.

    `scale` is the index of the Scale layer behind it that is merged or changed. `own_top` is
    the new blob it writes to instead of its bottom. `reshape` are the two layers put in around
    it, `added` those that an earlier conversion put in and this one takes out. `between` is a
    free name for a blob between it and a convolution. `obeys` is False where use_global_stats
    has to go.
    """

    layer: int
    scale: int | None = None
    own_top: str = ""
    reshape: Reshape | None = None
    added: tuple[int, int] | None = None
    between: str = ""
    obeys: bool = True


class Step(NamedTuple):
    """What happens to the BatchNorm of one name.

    `engine` is what the field of that name says in the target, "" for nothing. `params` are
    the `param` blocks the layer is to have, in order, None where they stay. `memory` is what
    has to be remembered for the way back. `channels` are those of a convolution behind it.
    """

    layer: str
    action: Action
    source: Form
    target: Form
    members: tuple[Member, ...]
    scale: ScaleChange | None = None
    gamma: SpecChange = SpecChange()
    beta: SpecChange = SpecChange()
    engine: str = ""
    params: tuple[Multipliers, ...] | None = None
    memory: Memory | None = None
    channels: int | None = None

    @property
    def folds_eps(self) -> bool:
        """Whether variance, or gamma, has to make up for another eps."""
        return self.action is not Action.FREEZE and self.source.eps != self.target.eps

    @property
    def is_same(self) -> bool:
        """Whether the layer is the same in both Caffes, blobs and text."""
        return self.action is Action.KEEP and self.source[1:] == self.target[1:]


class Plan(NamedTuple):
    """What a conversion does to a net.

    `left_out` are fields that the target does not know and does without. `inputs` says that
    Input layers become fields of the net, `shares_memory` that the target would write sums over
    a blob that is still needed, which a field of the net forbids.
    """

    source: Dialect
    target: Dialect
    steps: tuple[Step, ...] = ()
    notes: tuple[Note, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    left_out: tuple[Foreign, ...] = ()
    inputs: bool = False
    shares_memory: bool = False

    def step(self, layer: str) -> Step | None:
        """Return the step of the BatchNorm of a name."""
        return next((step for step in self.steps if step.layer == layer), None)


_NOTHING: Mapping[str, Action] = MappingProxyType({})
_NO_CHANNELS: Mapping[str, int] = MappingProxyType({})


class PlanOptions(NamedTuple):
    """What the user, the weights and the other nets of a model say about a plan.

    `engine` is the one to run on in the target, None for the one that the net names.
    `scale_name` makes the name of a new Scale layer of its BatchNorm's, `taken` are names it
    may not have. `merge` False keeps every Scale layer. `forced` are actions by the layer's
    name: what another net of the model needs. `identity` are BatchNorm layers whose gamma is
    known to be 1 and whose beta 0. With `drop_global_stats` a use_global_stats that the
    target would ignore is left out, `drop_fields` are fields that the target does not know and
    that may go. `recall` gives the memory of a layer, `depthwise` whether it is a convolution
    in the place of a Scale layer; None reads the comments of the text. With `convolves` such
    convolutions take the place of Scale layers where the target has none. `channels` are those
    of BatchNorm layers, as the weights have them. With `goes_on` a solver state is converted too.
    `going_back` are the files of nets whose text in the target is known, and with it that the
    user's Caffe takes it; `were_one` are BatchNorm layers of it with gamma and beta inside.
    """

    engine: str | None = None
    scale_name: str = "{bn}_scale"
    merge: bool = True
    forced: Mapping[str, Action] = _NOTHING
    identity: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    drop_global_stats: bool = False
    drop_fields: frozenset[str] = frozenset()
    recall: Callable[[Layer], Memory | None] | None = None
    depthwise: Callable[[Layer], bool] | None = None
    convolves: bool = False
    channels: Mapping[str, int] = _NO_CHANNELS
    goes_on: bool = False
    going_back: frozenset[str] = frozenset()
    were_one: frozenset[str] = frozenset()

    @property
    def are_usual(self) -> bool:
        """Whether the user asks for nothing in particular."""
        known = self._replace(engine=None, merge=True, drop_fields=frozenset(), convolves=False)
        usual = known._replace(scale_name=PlanOptions().scale_name, drop_global_stats=False)
        return self == usual
