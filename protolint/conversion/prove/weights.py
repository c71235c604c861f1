"""The proof: a converted model is read back as its Caffe will load it, and measured.

For every BatchNorm the multiplication and the addition that it amounts to in TEST phase
are worked out in float64, channel by channel, and compared with those of the source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.facts import LayerFacts, facts_of, file_marks
from protolint.batchnorm.reference import Folded, fold, largest_difference
from protolint.batchnorm.state import Array, LayoutError
from protolint.caffe.dialect import Dialect
from protolint.conversion.numbers.encode import LayerChange, after_scale
from protolint.conversion.numbers.other_layers import blobs_of, scale_blobs_of
from protolint.conversion.numbers.weight_step import FROZEN_SCALE, target_layout
from protolint.conversion.prove.ways import TOLERANCE
from protolint.errors import FOUND, ProtolintError
from protolint.execution.weights import load_order
from protolint.record import NamedTuple
from protolint.weights.index import LayerEntry, ModelIndex
from protolint.wire import Buffer

__all__ = [
    "REPORT",
    "Proof",
    "ProofError",
    "as_loaded",
    "check_moved",
    "check_proofs",
    "proof_of",
    "prove",
    "same_layers",
]

#: The advice where the fault is protolint's.
REPORT = "Please report this"


class ProofError(ProtolintError):
    """A converted model that does not compute what its source does; nothing was written."""

    exit_code = FOUND

    def __init__(self, found: str, advice: str = "") -> None:
        super().__init__(f"{found}; nothing was written" + (f". {advice}" if advice else ""))


class Proof(NamedTuple):
    """How far one BatchNorm is from its source in its worst channel.

    `difference` is relative (see largest_difference), `absolute` that of the multiplication
    and of the addition as they are.
    """

    name: str
    difference: float
    absolute: float


def as_loaded(
    target: Dialect, engine: str, blobs: Sequence[Array], *, binary: bool = True
) -> tuple[Layout, list[Array]]:
    """Return the layout and the blobs a target has after loading a BatchNorm's blobs from a file.

    NVIDIA 0.16 and later take five blobs whose last has one element for the order of 0.15
    and reorder them, in binary files only.
    """
    found = [blobs[i] for i in load_order(target, blobs, binary=binary)]
    return target_layout(target, engine, affine=len(found) == 5), found


def prove(
    data: Buffer,
    index: ModelIndex,
    layers: Iterable[LayerChange],
    target: Dialect,
    before: ModelIndex,
    touched: frozenset[str],
    tolerance: float = TOLERANCE,
) -> list[Proof]:
    """Return the proof of every BatchNorm of a file that was written; raises ProofError.

    `index` is that of the file, `before` that of the source; layers not named in `touched` have
    to be as there. `tolerance` is the largest relative difference that counts as rounding.
    """
    same_layers(before, index, touched)
    marks = file_marks(index)
    proofs = []
    for change in layers:
        entries = index.named(change.new_name)
        if not entries:
            raise ProofError(f"layer '{change.new_name}' is missing")
        facts = facts_of(data, index, entries[-1], marks)
        folded = after_scale(_folded(change, target, facts), _scale(data, index, change))
        proofs.append(proof_of(change.name, change.made.folded, folded))
    check_proofs(proofs, tolerance)
    return proofs


def proof_of(name: str, source: Folded, found: Folded) -> Proof:
    """How far what was found of a BatchNorm is from what its source amounts to."""
    relative = largest_difference(source, found)
    absolute = math.inf
    if source.scale.shape == found.scale.shape:
        pairs = ((source.scale, found.scale), (source.shift, found.shift))
        absolute = max(_gap(first, second) for first, second in pairs)
    return Proof(name, relative, absolute)


@np.errstate(invalid="ignore", over="ignore")
def _gap(first: Array, second: Array) -> float:
    """Return the largest difference of two arrays.

    NaN and NaN are equal, one alone is infinitely far.
    """
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    gaps = np.where(same, 0.0, np.abs(first - second))
    return float(np.where(np.isnan(gaps), np.inf, gaps).max(initial=0.0))


def check_proofs(proofs: Sequence[Proof], tolerance: float = TOLERANCE) -> None:
    """Raise ProofError where a relative difference is over the tolerance."""
    failed = [proof for proof in proofs if not proof.difference <= tolerance]
    if failed:
        worst = max(failed, key=lambda proof: proof.difference)
        advice = REPORT
        if tolerance < TOLERANCE:
            advice = f"Rounding alone may come to {TOLERANCE:g}, the usual --tolerance"
        raise ProofError(
            f"layer '{worst.name}' would differ by {worst.difference:.3g}, absolute"
            f" {worst.absolute:.3g} ({len(failed)} of {len(proofs)} BatchNorm layers differ by"
            f" more than {tolerance:g})",
            advice,
        )


@np.errstate(invalid="ignore", over="ignore")
def _folded(change: LayerChange, target: Dialect, facts: LayerFacts) -> Folded:
    """Return what a layer of the finished file amounts to; raises ProofError."""
    if change.step.layout is FROZEN_SCALE:
        one = np.ones(facts.blobs[0].size)
        return after_scale(Folded(one, 0 * one, 0 * one), facts.blobs)
    layout, blobs = as_loaded(target, change.step.engine, facts.blobs)
    try:
        return fold(layout.decode(blobs, facts.norm.eps, facts.fraction))
    except LayoutError as error:
        raise ProofError(f"layer '{change.name}': {error}") from None


def _scale(data: Buffer, index: ModelIndex, change: LayerChange) -> tuple[Array, ...]:
    """Return the blobs of the Scale layer that the source's measure has in it."""
    if change.made.measured_with_scale:
        kind = change.step.scale_type
        named = [layer for layer in index.named(change.new_scale) if layer.type == kind]
        if named:
            return scale_blobs_of(index.path, data, named[-1])
    return ()


def same_layers(before: ModelIndex, after: ModelIndex, touched: frozenset[str]) -> None:
    """Check that every layer that was not to be changed is there as it was; raises ProofError.

    Names, types and shapes are compared; the values were copied as bytes.
    """
    was = [_outline(layer) for layer in before.layers if layer.name not in touched]
    now = [_outline(layer) for layer in after.layers if layer.name not in touched]
    if was != now:
        other = next((a for a, b in zip(was, now, strict=False) if a != b), None)
        name = other[0] if other else "at the end"
        raise ProofError(f"layer '{name}' is not what it was")


def check_moved(
    old: Buffer, before: ModelIndex, new: Buffer, after: ModelIndex, names: Mapping[str, str]
) -> None:
    """Check that layers with other names or shapes have their values; raises ProofError."""
    for name, made in names.items():
        source = blobs_of(before.path, old, before.named(name)[-1])
        result = blobs_of(after.path, new, after.named(made)[-1])
        if [blob.tobytes() for blob in source] != [blob.tobytes() for blob in result]:
            raise ProofError(f"layer '{name}' has other values")


def _outline(layer: LayerEntry) -> tuple[str, str, tuple[tuple[int, ...], ...]]:
    return layer.name, layer.type, tuple(blob.shape for blob in layer.blobs)
