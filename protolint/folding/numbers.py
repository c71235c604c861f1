"""The weights of folded layers: what each takes in, the bytes of it, and the proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from protolint.batchnorm.reference import Folded
from protolint.batchnorm.state import Array
from protolint.caffe.field_numbers import LayerField
from protolint.errors import FOUND, ProtolintError
from protolint.folding.decide import PARAMETERS, Fold, FoldPlan, NotFolded
from protolint.layers.fields import flag, integer
from protolint.layers.layer import Layer
from protolint.record import NamedTuple
from protolint.weights.blobs import (
    Factors,
    Form,
    decode_blob,
    encode_blob,
    rows_at,
    scaled_blob,
    turned_blob,
)
from protolint.weights.header import BlobHeader
from protolint.weights.index import LayerEntry, ModelIndex
from protolint.weights.splice import Change, Copy, changed_layer, message
from protolint.wire import Buffer, forget, length_delimited, varint_field

__all__ = ["FoldError", "NumberedFold", "check_folds", "fold_changes", "measure_folds"]

#: bias_term and the message it is in, by layer type: field numbers of caffe.proto @ BVLC 1.0.
_BIAS_TERMS = {
    "Convolution": (LayerField.CONVOLUTION_PARAM, 2),
    "Deconvolution": (LayerField.CONVOLUTION_PARAM, 2),
    "InnerProduct": (LayerField.INNER_PRODUCT_PARAM, 2),
    "Scale": (LayerField.SCALE_PARAM, 4),
}
#: `transpose` of inner_product_param: caffe.proto @ BVLC 1.0.
_TRANSPOSE = 6


#: Blobs of so many values are compared value by value; of larger ones so many of each channel,
#: at its start and at its end.
_ALL, _SOME = 1 << 20, 8
#: How many values lie in the part of a file that is mapped at once.
_AT_ONCE = 1 << 22


class FoldError(ProtolintError):
    """A folded layer that does not compute what it did before; nothing was written."""

    exit_code = FOUND


class NumberedFold(NamedTuple):
    """A fold with its numbers: what each channel is multiplied by, and what is added then.

    `entry` is the layer above in the weights, `bias` its new bias, None for none: float64 arrays
    of shape (C). `turned` says that its weights are no longer transposed; see turned.py.
    """

    fold: Fold
    entry: LayerEntry
    factor: Array
    bias: Array | None
    turned: bool = False


def measure_folds(
    data: Buffer, index: ModelIndex, plan: FoldPlan, batchnorms: Mapping[str, Folded]
) -> tuple[list[NumberedFold], list[NotFolded]]:
    """Return the folds of a plan with their numbers, and those that the weights rule out.

    `batchnorms` are the factors and summands of the BatchNorm layers, by name, also of those that
    are Scale layers in the net and not yet in the weights. Of a chain the part before the first
    layer that cannot be taken in is folded.
    """
    found: list[NumberedFold] = []
    kept = list(plan.kept)
    for fold in plan.folds:
        made, refused = _measured(data, index, fold, batchnorms)
        found += [made] if made is not None else []
        kept += [refused] if refused is not None else []
    return found, kept


def _measured(
    data: Buffer, index: ModelIndex, fold: Fold, batchnorms: Mapping[str, Folded]
) -> tuple[NumberedFold | None, NotFolded | None]:
    above = fold.above
    entry = next((e for e in reversed(index.named(above.name)) if e.blobs), None)
    if entry is None:
        return None, NotFolded(fold.taken[0], f"the weights have no '{above.name}'")
    if above.name in batchnorms:
        return None, NotFolded(fold.taken[0], f"'{above.name}' above becomes a Scale only now")
    channels = _channels(above, entry)
    factor = np.ones(channels)
    bias = np.zeros(channels)
    if len(entry.blobs) > 1:
        bias = _blob(data, index, entry, 1).reshape(-1).astype(np.float64)
    taken: list[Layer] = []
    refused = None
    for layer in fold.taken:
        numbers = _numbers(data, index, layer, batchnorms)
        if isinstance(numbers, str):
            refused = NotFolded(layer, numbers)
            break
        gain, shift = numbers
        if gain.size != channels or bias.size != channels:
            refused = NotFolded(
                layer, f"it has {gain.size} channels, '{above.name}' {channels} outputs"
            )
            break
        if not (np.isfinite(gain).all() and np.isfinite(shift).all()):
            refused = NotFolded(layer, "some channels are NaN or infinite")
            break
        factor, bias = factor * gain, bias * gain + shift
        taken.append(layer)
    if not taken:
        return None, refused
    return NumberedFold(Fold(above, tuple(taken)), entry, factor, bias), refused


def _channels(above: Layer, entry: LayerEntry) -> int:
    """Return how many channels a layer writes."""
    if above.type == "Scale":
        return entry.blobs[0].count
    return integer(above, PARAMETERS[above.type], "num_output")


def _numbers(
    data: Buffer, index: ModelIndex, layer: Layer, batchnorms: Mapping[str, Folded]
) -> tuple[Array, Array] | str:
    """Return the factors and summands of a layer, or why they are not known."""
    found = batchnorms.get(layer.name)
    if found is not None:
        return found.scale, found.shift
    if layer.type == "BatchNorm":
        return "the weights do not have it"
    entry = next((e for e in reversed(index.named(layer.name)) if e.blobs), None)
    if entry is None:
        return "the weights do not have it"
    gamma = _blob(data, index, entry, 0).reshape(-1).astype(np.float64)
    beta = np.zeros_like(gamma)
    if len(entry.blobs) > 1:
        beta = _blob(data, index, entry, 1).reshape(-1).astype(np.float64)
    if beta.shape != gamma.shape:
        return "gamma and beta have different sizes"
    return gamma, beta


def _blob(data: Buffer, index: ModelIndex, entry: LayerEntry, i: int) -> Array:
    place = f"layer '{entry.name}', blob {i}"
    return decode_blob(data, entry.blobs[i], path=index.path, place=place)


class _Grid(NamedTuple):
    """How the values of a layer's first blob lie: channel o of group g has those at (g, :, o, :).

    Weights of a deconvolution are (inputs, outputs of a group, ...): deconv_layer.cpp @ BVLC
    master. Those of a transposed inner product are (inputs, outputs), all others have a row of
    their own for each output.
    """

    groups: int
    inputs: int
    outputs: int
    row: int


def _grid(fold: NumberedFold) -> _Grid:
    above, blob, channels = fold.fold.above, fold.entry.blobs[0], fold.factor.size
    if above.type == "Deconvolution":
        groups = max(1, integer(above, "convolution_param", "group", 1))
        inputs, outputs = blob.shape[0] // groups, blob.shape[1]
        return _Grid(groups, inputs, outputs, blob.count // max(1, groups * inputs * outputs))
    if above.type == "InnerProduct" and flag(above, "inner_product_param", "transpose"):
        return _Grid(1, blob.count // channels, channels, 1)
    return _Grid(1, 1, channels, max(1, blob.count // channels))


def _factors(fold: NumberedFold) -> Factors:
    """Return the factors of the values of a layer's first blob."""
    grid, factor = _grid(fold), fold.factor

    def factors(at: int, size: int) -> Array:
        first, last = at // grid.row, (at + size - 1) // grid.row
        rows = np.arange(first, last + 1)
        found: Array = factor[
            rows // (grid.inputs * grid.outputs) * grid.outputs + rows % grid.outputs
        ]
        if first == last or at % grid.row == size % grid.row == 0:
            return found
        lengths = np.full(rows.size, grid.row)
        lengths[0] = (first + 1) * grid.row - at
        lengths[-1] = at + size - last * grid.row
        return np.repeat(found, lengths)

    return factors


def fold_changes(data: Buffer, folds: Sequence[NumberedFold]) -> list[Change]:
    """Return the changes to the layers above; the layers taken in are for the caller to drop."""
    return [_change(data, fold) for fold in folds]


def _change(data: Buffer, fold: NumberedFold) -> Change:
    entry = fold.entry
    weights = entry.blobs[0]
    number, kind = LayerField.BLOBS, fold.fold.above.type
    if fold.turned:
        made = turned_blob(weights, fold.factor.size, fold.factor)
    else:
        made = scaled_blob(weights, _grid(fold).row, _factors(fold))
    inside = [Change(weights.field.start, weights.field.end, message(number, made))]
    settings = varint_field(_TRANSPOSE, 0) if fold.turned else b""
    if fold.bias is not None:
        place = weights.field.end, weights.field.end
        if len(entry.blobs) > 1:
            place = entry.blobs[1].field
        else:
            settings += varint_field(_BIAS_TERMS[kind][1], 1)
        bias = encode_blob(fold.bias.astype(np.float64), Form.DATA)
        inside.append(Change(*place, message(number, [bias])))
    inside += _parameter(entry, kind, settings)
    last = (fold.fold.above, *fold.fold.taken)[-1]
    top = last.tops[0].name.encode("utf-8", "surrogateescape")
    tops = [found for found in entry.fields if found.number == LayerField.TOP]
    if len(tops) == 1 and bytes(data[tops[0].value : tops[0].end]) != top:
        new = length_delimited(LayerField.TOP, top)
        inside.append(Change(tops[0].start, tops[0].end, (new,)))
    return changed_layer(entry, inside)


def _parameter(entry: LayerEntry, kind: str, settings: bytes) -> list[Change]:
    """Add settings to the layer's message in the weights: of two values the last counts.

    A layer without such a message has them by default, unless it is a Scale.
    """
    parameter, _ = _BIAS_TERMS[kind]
    found = [field for field in entry.fields if field.number == parameter]
    if not settings or (not found and kind != "Scale"):
        return []
    if not found:
        end = entry.payload.end
        return [Change(end, end, message(parameter, [settings]))]
    last = found[-1]
    return [
        Change(last.start, last.end, message(parameter, [Copy(last.value, last.end), settings]))
    ]


def check_folds(
    before: Buffer, data: Buffer, index: ModelIndex, folds: Sequence[NumberedFold], tolerance: float
) -> float:
    """Return the largest relative difference of any value in a file that was written.

    Each weight and each bias is compared with what the source and the numbers of its channel
    give in float64; of blobs with more than a million values some of each channel. Raises
    FoldError where one differs by more than `tolerance`.
    """
    worst = 0.0
    for fold in folds:
        name = fold.entry.name
        entries = [entry for entry in index.named(name) if entry.blobs]
        if not entries or len(entries[-1].blobs) < 1 + (fold.bias is not None):
            raise FoldError(f"layer '{name}' has not its folded weights; nothing was written")
        blobs = entries[-1].blobs
        samples = _turned_samples if fold.turned else _samples
        for first, second, factor in samples(fold, before, blobs[0], data):
            wanted = np.multiply(first, factor[:, None], dtype=np.float64)
            worst = max(worst, _difference(wanted, second))
        if fold.bias is not None:
            found = decode_blob(data, blobs[1], path=index.path, place=f"layer '{name}', blob 1")
            worst = max(worst, _difference(fold.bias, found.reshape(-1)))
        if not worst <= tolerance:
            raise FoldError(
                f"layer '{name}' would differ by {worst:.3g} after folding; nothing was written"
            )
    return worst


def _samples(
    fold: NumberedFold, before: Buffer, weights: BlobHeader, data: Buffer
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield values of some channels as they were and as they are, a row each, and their factors."""
    was, grid = fold.entry.blobs[0], _grid(fold)
    groups, inputs, outputs, row = grid
    small = was.count <= _ALL
    step = max(1, _AT_ONCE // row)
    parts = (slice(row),) if small or row <= 2 * _SOME else (slice(_SOME), slice(-_SOME, None))
    chosen = range(inputs) if small else sorted({0, inputs - 1})
    for group, one, first in product(range(groups), chosen, range(0, outputs, step)):
        at = (group * inputs + one) * outputs + first
        shape = min(step, outputs - first), row
        old, new = (rows_at(b, d, at * row, shape) for b, d in ((was, before), (weights, data)))
        factor = fold.factor[group * outputs + first :][: shape[0]]
        for part in parts:
            yield old[:, part], new[:, part], factor
        forget(before)
        forget(data)


def _turned_samples(
    fold: NumberedFold, before: Buffer, weights: BlobHeader, data: Buffer
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the same of weights that are no longer transposed."""
    was, outputs = fold.entry.blobs[0], fold.factor.size
    inputs = was.count // outputs
    whole = was.count <= _ALL or inputs <= 2 * _SOME
    parts = (slice(0, inputs),) if whole else (slice(0, _SOME), slice(inputs - _SOME, inputs))
    step = max(1, _AT_ONCE // inputs)
    for first in range(0, outputs, step):
        rows = min(step, outputs - first)
        new = rows_at(weights, data, first * inputs, (rows, inputs))
        for part in parts:
            old = rows_at(was, before, part.start * outputs, (part.stop - part.start, outputs))
            yield old[:, first : first + rows].T, new[:, part], fold.factor[first : first + rows]
        forget(before)
        forget(data)


def _difference(wanted: Array, found: Array) -> float:
    """Return the largest difference relative to what was wanted; denormal floats do not count."""
    with np.errstate(invalid="ignore", over="ignore"):
        gaps = np.abs(wanted - found) / np.maximum(np.abs(wanted), 1e-30)
    gaps = np.where((wanted == found) | (np.isnan(wanted) & np.isnan(found)), 0.0, gaps)
    return float(np.where(np.isnan(gaps), np.inf, gaps).max(initial=0.0))
