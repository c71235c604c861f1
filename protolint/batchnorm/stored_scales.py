"""Which Scale layer of a weight file is a BatchNorm's gamma and beta.

A weight file holds the layers of one state, with their bottoms and tops, so the question is
that of protolint.net.pairing, put to the file alone. Where a file has neither bottoms nor tops, the
order of its layers is all there is.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod

from protolint.caffe.field_numbers import LayerField, ScaleField
from protolint.errors import InputError
from protolint.net.pairing import GRADIENT_FIELDS, Link, objections
from protolint.weights.index import LayerEntry, ModelIndex, shown
from protolint.wire import VARINT, Buffer, WireError, fields, signed

__all__ = ["BATCHNORM_TYPES", "is_without_blobs_between", "stored_scales"]

#: The types whose blobs are statistics: BN is that of older forks.
BATCHNORM_TYPES = ("BatchNorm", "BN")

_GRADIENT_NUMBERS = tuple(getattr(LayerField, name.upper()) for name in GRADIENT_FIELDS)


def stored_scales(data: Buffer, index: ModelIndex) -> dict[int, LayerEntry]:
    """Return the Scale layer of each BatchNorm that has one, by the BatchNorm's position.

    Raises InputError for a damaged scale_param.
    """
    if is_without_blobs_between(index):
        return _next_ones(index)
    readers = _readers(index)
    found: dict[int, LayerEntry] = {}
    for layer in index.layers:
        if layer.type not in BATCHNORM_TYPES or not layer.tops:
            continue
        behind = readers[layer.position]
        scale = next((one for one in behind if one.type == "Scale" and len(one.tops) == 1), None)
        if scale is None:
            continue
        try:
            links = [_link(data, one) for one in behind]
            reasons = objections(_link(data, layer), _link(data, scale), links)
            if not any(reasons):
                found[layer.position] = scale
        except WireError as error:
            place = f"byte {error.offset} (layer {scale.position} '{shown(scale.name)}')"
            raise InputError(index.path, f"{place}: {error}") from None
    return found


def is_without_blobs_between(index: ModelIndex) -> bool:
    """Whether a file says of no layer what it reads and writes, as some tools write files."""
    return len(index.layers) > 1 and not any(layer.bottoms or layer.tops for layer in index.layers)


def _next_ones(index: ModelIndex) -> dict[int, LayerEntry]:
    """Return the Scale layers that come next behind a BatchNorm, with a value for each channel."""
    found = {}
    for layer, behind in pairwise(index.layers):
        if layer.type in BATCHNORM_TYPES and layer.blobs and behind.type == "Scale":
            channels = max(prod(blob.shape) for blob in layer.blobs)
            sizes = [prod(blob.shape) for blob in behind.blobs]
            if sizes and all(size == channels for size in sizes) and len(sizes) <= 2:
                found[layer.position] = behind
    return found


def _readers(index: ModelIndex) -> dict[int, list[LayerEntry]]:
    """Return the layers that read the very version that a layer writes as its first top."""
    current: dict[str, list[LayerEntry]] = {}
    found: dict[int, list[LayerEntry]] = {}
    for layer in index.layers:
        for bottom in layer.bottoms:
            current.setdefault(bottom, []).append(layer)
        for top in layer.tops:
            current[top] = []
        if layer.tops:
            found[layer.position] = current[layer.tops[0]]
    return found


def _link(data: Buffer, layer: LayerEntry) -> Link:
    axis = num_axes = 1
    for span in layer.messages(LayerField.SCALE_PARAM):
        for found in fields(data, *span):
            if found.wire_type == VARINT and found.number == ScaleField.AXIS:
                axis = signed(found.number_value)
            elif found.wire_type == VARINT and found.number == ScaleField.NUM_AXES:
                num_axes = signed(found.number_value)
    present = {found.number for found in layer.fields}
    extra = tuple(
        name
        for name, number in zip(GRADIENT_FIELDS, _GRADIENT_NUMBERS, strict=True)
        if number in present
    )
    top = layer.tops[0] if layer.tops else ""
    return Link(layer.position, shown(layer.name), len(layer.bottoms), top, axis, num_axes, extra)
