"""What a BatchNorm says about its statistics: multipliers by blob, use_global_stats."""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.batchnorm import NormParam
from protolint.edit import Edit, Fix
from protolint.layers.fields import learning_rates
from protolint.layers.layer import Layer, ParamSpec
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.record import NamedTuple
from protolint.text.tree import Block, Scalar
from protolint.text.write import append_field, replace_value

from ._layers import delete_params

STATISTICS = frozenset({"mean", "variance", "factor"})
ZEROS = "param { lr_mult: 0 decay_mult: 0 }"


@layer_fact
def norm_of(_net: Net, batchnorm: Layer) -> NormParam:
    """Return what a BatchNorm's batch_norm_param says."""
    return batchnorm.batchnorm


def node_of(batchnorm: Layer, field: str) -> Scalar | Block | None:
    """Where a field of a BatchNorm's batch_norm_param stands, or None."""
    param = batchnorm.parameter("batch_norm_param")
    return param.node_of(field) if param is not None and field in param else None


@layer_fact
def rates_of(_net: Net, batchnorm: Layer) -> tuple[float, ...]:
    """Return the lr_mult of each `param` block of a BatchNorm."""
    return tuple(learning_rates(batchnorm))


class BlobSetting(NamedTuple):
    """The multipliers that hold for one blob; `param` is None where no block is given for it."""

    number: int
    role: str
    lr_mult: float
    decay_mult: float
    param: ParamSpec | None

    @property
    def decay(self) -> float:
        """How much of the solver's weight decay reaches the blob in each step."""
        return self.lr_mult * self.decay_mult


def blob_settings(net: Net, batchnorm: Layer) -> list[BlobSetting]:
    """Every blob of a BatchNorm, in order; one without a block has both multipliers at 1."""
    found = []
    for number, role in enumerate(net.traits(batchnorm).blobs):
        param = batchnorm.params[number] if number < len(batchnorm.params) else None
        lr_mult, decay_mult = (param.lr_mult, param.decay_mult) if param else (1.0, 1.0)
        found.append(BlobSetting(number, role, lr_mult, decay_mult, param))
    return found


def is_bvlc_idiom(net: Net, batchnorm: Layer) -> bool:
    """Whether three zero blocks, right for BVLC, stand on a layer that begins with gamma."""
    params = batchnorm.params
    return (
        len(params) == 3
        and all(param.lr_mult == 0 for param in params)
        and net.traits(batchnorm).blobs[:1] == ("gamma",)
    )


def mask(net: Net, param: ParamSpec) -> Iterator[Edit]:
    """Yield the edits that set both multipliers of a block to 0."""
    missing = []
    for name in ("lr_mult", "decay_mult"):
        node = param.message.node_of(name)
        if node is None:
            missing.append(f"{name}: 0")
        elif isinstance(node, Scalar) and param.message.number(name) != 0:
            yield replace_value(node, "0")
    if missing and param.message.node is not None:
        yield append_field(net.source, param.message.node, missing)


def freezing(net: Net, params: list[ParamSpec], *, removable: bool = True) -> Fix | None:
    """Return the fix that frees statistics from the solver.

    It takes the blocks out if they are `removable` and none has a name, else masks them.
    """
    if removable and not any(param.name for param in params):
        return delete_params(net, params, "Remove the param blocks")
    edits = [edit for param in params for edit in mask(net, param)]
    return Fix("Set lr_mult and decay_mult to 0", tuple(edits))


def global_stats(net: Net, batchnorm: Layer, value: bool) -> Scalar | None:
    """Where a BatchNorm says `use_global_stats` with this very value, or None."""
    if norm_of(net, batchnorm).use_global_stats is not value:
        return None
    node = node_of(batchnorm, "use_global_stats")
    return node if isinstance(node, Scalar) else None


@layer_fact
def obeys_global_stats(net: Net, batchnorm: Layer) -> bool:
    """Whether the layer's implementation looks at use_global_stats at all."""
    return not net.traits(batchnorm).kind.ignores_global_stats
