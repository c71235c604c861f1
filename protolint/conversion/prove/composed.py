"""The proof over net and weights together: what a BatchNorm and what follows it amount to.

In TEST phase a BatchNorm and the Scale layers behind it multiply and add, channel by channel. The
map of source net and source weights has to be that of the new net and the new weights, as their
Caffe loads them: this sees a gamma that lies where no layer reads it, and a layer that has to
start without its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

import numpy as np

from protolint.batchnorm.reference import Folded, fold
from protolint.batchnorm.state import Array, LayoutError
from protolint.conversion.decide.affine import CONVOLUTION, SCALE, has_groups, is_depthwise
from protolint.conversion.decide.forms import filler_of
from protolint.conversion.numbers.encode import LayerChange, after_scale
from protolint.conversion.prove.ways import TOLERANCE
from protolint.conversion.prove.weights import (
    REPORT,
    Proof,
    ProofError,
    as_loaded,
    check_proofs,
    proof_of,
)
from protolint.layers.layer import Layer
from protolint.net.net import TEST, Net
from protolint.net.view import View
from protolint.record import NamedTuple

__all__ = ["Side", "prove_nets"]

#: Returns the blobs that a weight file has for a layer, none where it has none.
Blobs = Callable[[str], Sequence[Array]]

_LONGEST_CHAIN = 8


class Side(NamedTuple):
    """A net and the weights it is run with; `names` are the layers with blobs in the file.

    `binary` is whether that is a binary file, whose blobs some Caffes reorder.
    """

    nets: Sequence[Net]
    blobs: Blobs
    names: frozenset[str]
    binary: bool = True

    def chain(self, name: str) -> tuple[Net, list[Layer]] | None:
        """Return the layer of a name and the affine layers that alone read it, in their net."""
        for net in self.nets:
            for view in sorted(net.views, key=lambda view: view.state.phase != TEST):
                first = next((layer for layer in view.layers if layer.name == name), None)
                if first is not None and first.type in ("BatchNorm", SCALE):
                    return net, [first, *self._behind(net, view, first)]
        return None

    def _behind(self, net: Net, view: View, layer: Layer) -> Iterable[Layer]:
        for _ in range(_LONGEST_CHAIN):
            readers = view.readers(layer)
            if len(readers) == 1 and readers[0].type == "Reshape":
                # It keeps the channels where a conversion puts it.
                readers = view.readers(readers[0])
            if len(readers) != 1 or not _is_affine(readers[0], net):
                return
            layer = readers[0]
            yield layer

    def after(self, folded: Folded, layers: Iterable[Layer]) -> Folded | None:
        """Return a map with those of affine layers behind it; None where a filler is random."""
        for layer in layers:
            blobs = [values.reshape(-1) for values in self.blobs(layer.name)] or _filled(
                layer, folded.scale.size
            )
            if blobs is None or any(values.size != folded.scale.size for values in blobs):
                return None
            folded = after_scale(folded, blobs)
        return folded


def _is_affine(layer: Layer, net: Net) -> bool:
    if len(layer.bottoms) != 1 or len(layer.tops) != 1:
        return False
    if layer.type == CONVOLUTION:
        return has_groups(layer) and (not net.source.data or is_depthwise(layer, net.source))
    param = layer.parameter("scale_param")
    along = param is None or (param.integer("axis") == 1 and param.integer("num_axes") == 1)
    return layer.type == SCALE and along


def _filled(layer: Layer, channels: int) -> list[Array] | None:
    """Return what the fillers of a Scale layer without weights make, if it is constant."""
    if layer.type != SCALE:
        return None
    found = []
    for field, usual in (("filler", 1.0), ("bias_filler", 0.0)):
        filler = filler_of(layer, "scale_param", field)
        value = usual if filler is None else filler.value
        if value is None:
            return None
        found.append(np.full(channels, value))
    return found


def prove_nets(
    changes: Sequence[LayerChange], before: Side, after: Side, tolerance: float = TOLERANCE
) -> list[Proof]:
    """Return how far each BatchNorm, with what follows it, is from its source.

    `changes` are the BatchNorms of the weights. Raises ProofError for one that differs by more
    than `tolerance`, for one whose blobs the new net does not take, and for a layer of the result
    that no layer of a net reads, where the source has no such layer.
    """
    proofs, placed = [], set()
    for change in changes:
        chain = after.chain(change.new_name)
        if chain is None:
            continue
        placed.add(change.new_name)
        wanted = _source(change, before)
        found = _result(change, after, *chain)
        if wanted is not None and found is not None:
            proofs.append(proof_of(change.name, wanted, found))
        elif wanted is not None:
            raise ProofError(
                f"layer '{change.name}': what follows it in the result starts with random values",
                REPORT,
            )
    check_proofs(proofs, tolerance)
    _no_orphans(changes, before, after, placed)
    return proofs


def _source(change: LayerChange, before: Side) -> Folded | None:
    """Return what a BatchNorm of the source amounts to, None where a filler is random."""
    norm, step = change.norm, change.step
    folded = fold(norm.state)
    if not before.nets:
        own = step.scale if step.reads_scale else norm.facts.scale or ""
        return after_scale(folded, [values.reshape(-1) for values in before.blobs(own)])
    chain = before.chain(norm.name)
    layers = chain[1][1:] if chain is not None else []
    stored = norm.facts.scale or ""
    known = any(layer.name == stored for net in before.nets for layer in net.layers)
    if norm.scale_blobs and not known:
        # The net has another name for it, or has it in the BatchNorm: it is the first behind.
        folded = after_scale(folded, norm.scale_blobs)
        layers = layers[1:] if layers and layers[0].name not in before.names else layers
    elif norm.layout.affine and layers and layers[0].name not in before.names:
        layers = layers[1:]
    return before.after(folded, layers)


def _result(change: LayerChange, after: Side, net: Net, layers: Sequence[Layer]) -> Folded | None:
    """Return what a layer of the result amounts to, as its Caffe loads it; raises ProofError."""
    first, *behind = layers
    channels = change.norm.state.channels
    if first.type == SCALE:
        one = np.ones(channels)
        return after.after(Folded(one, 0 * one, 0 * one), layers)
    traits = net.traits(first)
    blobs = after.blobs(first.name)
    layout, loaded = as_loaded(net.dialect, traits.engine, blobs, binary=after.binary)
    if len(loaded) != len(traits.blobs):
        raise ProofError(
            f"layer '{first.name}' would have {len(loaded)} blobs, and its net needs"
            f" {len(traits.blobs)}",
            REPORT,
        )
    try:
        folded = fold(layout.decode(loaded, traits.eps))
    except LayoutError as error:
        raise ProofError(f"layer '{first.name}': {error}") from None
    return after.after(folded, behind)


def _no_orphans(
    changes: Iterable[LayerChange], before: Side, after: Side, placed: Container[str]
) -> None:
    """Refuse a layer of the result that no net reads, unless it was so in the source."""
    known = {layer.name for net in after.nets for layer in net.layers}
    former = {layer.name for net in before.nets for layer in net.layers}
    allowed = before.names - former if before.nets else before.names
    for change in changes:
        if change.new_name not in placed:
            allowed |= {change.new_name, change.new_scale}
    lost = sorted(after.names - known - allowed)
    if lost:
        raise ProofError(f"layer '{lost[0]}' of the result belongs to no layer of the net", REPORT)
