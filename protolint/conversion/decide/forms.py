"""What one BatchNorm layer is in one Caffe: engine, blobs, eps, and how its blobs learn."""

from __future__ import annotations

from protolint.caffe.dialect import Dialect
from protolint.float32 import shortest, single
from protolint.layers.batchnorm import BatchNormTraits
from protolint.layers.layer import Layer, ParamSpec
from protolint.net.net import Net
from protolint.record import NamedTuple

__all__ = [
    "FROZEN",
    "PLAIN",
    "Filler",
    "Form",
    "Multipliers",
    "filler_of",
    "form_in",
    "form_of",
    "multipliers",
    "shortest",
    "single",
]

_STATISTICS = ("mean", "variance", "factor")


class Multipliers(NamedTuple):
    """What a `param` block says of one blob: its multipliers, and how it is shared by name."""

    lr_mult: float = 1.0
    decay_mult: float = 1.0
    name: str = ""
    share_mode: str = ""

    @classmethod
    def of(cls, param: ParamSpec) -> Multipliers:
        """Return what a `param` block says."""
        message = param.message
        mode = message.text("share_mode") if "share_mode" in message else ""
        return cls(param.lr_mult, param.decay_mult, param.name, mode)

    @property
    def learns(self) -> bool:
        """Whether a solver moves the blob."""
        return self.lr_mult != 0


PLAIN = Multipliers()
FROZEN = Multipliers(0.0, 0.0)


class Filler(NamedTuple):
    """A filler that gives a constant: its value; None for any other filler."""

    value: float | None

    def is_constant(self, value: float) -> bool:
        """Whether every element starts with this value."""
        return self.value == value


class Form(NamedTuple):
    """One BatchNorm layer in one Caffe.

    `blobs` names the roles of its blobs in order ("mean", "variance", "factor", "gamma",
    "beta", "reserved"), `layout` the entry of protolint.batchnorm.layouts.LAYOUTS, with a
    variance where cuDNN 4 would keep an inverse deviation. `eps` is the one in use, as a
    32-bit float. A BatchNorm that becomes a Scale has the layout "Scale" and no engine.
    """

    dialect: str
    engine: str
    affine: bool
    blobs: tuple[str, ...]
    eps: float
    layout: str


def form_of(layer: Layer, net: Net) -> Form:
    """Return what a BatchNorm layer is in the dialect that its net is written for."""
    return _form(net.dialect, net.traits(layer))


def form_in(dialect: Dialect, engine: str, *, affine: bool, eps: float | None) -> Form:
    """Return what a BatchNorm layer is in a dialect, on an engine; `eps` None: not given."""
    kind = dialect.engines[engine]
    affine = kind.has_affine(asked=affine)
    blobs = kind.blobs_of(affine=affine)
    return _form(dialect, BatchNormTraits(engine, kind, affine, blobs, kind.eps.effective(eps)))


def _form(dialect: Dialect, traits: BatchNormTraits) -> Form:
    return Form(
        dialect.name,
        traits.engine,
        traits.affine,
        traits.blobs,
        traits.eps,
        traits.kind.layout_of(affine=traits.affine),
    )


def multipliers(layer: Layer, form: Form, dialect: Dialect) -> dict[str, Multipliers]:
    """How each blob of a BatchNorm layer learns, by role, as its Caffe has it.

    BVLC and NVIDIA from 0.16 on freeze the statistics themselves; the latter set both
    multipliers of gamma and beta to 1 (LayerSetUp of batch_norm_layer.cpp @ 1.0, v0.16.1).
    """
    found = {}
    for index, role in enumerate(form.blobs):
        given = Multipliers()
        if index < len(layer.params):
            given = Multipliers.of(layer.params[index])
        if dialect.masks_statistics:
            forced = FROZEN if role in _STATISTICS else PLAIN
            given = forced._replace(name=given.name, share_mode=given.share_mode)
        found[role] = given
    return found


def filler_of(layer: Layer, parameter: str, field: str) -> Filler | None:
    """Return a filler in a layer's parameter message; None where it is not given."""
    message = layer.parameter(parameter)
    filler = message.message(field) if message is not None else None
    if filler is None:
        return None
    return Filler(filler.number("value") if filler.text("type") == "constant" else None)
