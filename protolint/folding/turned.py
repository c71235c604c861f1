"""Transposed weights of an InnerProduct in the usual order, which every importer reads.

With `transpose: true` they lie as (inputs, outputs): inner_product_layer.cpp @ BVLC 1.0. OpenCV,
ncnn and caffe2onnx do not look at the field (see deployment/importers.py) and take them for
(outputs, inputs). Turned round they are the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from protolint.edit import Edit
from protolint.folding.decide import Fold
from protolint.folding.numbers import NumberedFold
from protolint.layers.fields import flag, size
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.pairing import sharing
from protolint.source import Source
from protolint.text.write import delete_fields
from protolint.weights.blobs import decode_blob, form_of
from protolint.weights.index import Generation, LayerEntry, ModelIndex
from protolint.wire import Buffer

__all__ = ["transposed_layers", "turn_edits", "turnable", "with_turned"]

_PARAM, _FIELD = "inner_product_param", "transpose"


def transposed_layers(net: Net) -> list[Layer]:
    """Return the layers with transposed weights that nobody shares."""
    shared = sharing(net)
    names = [layer.name for layer in net.layers]
    return [
        layer
        for layer in net.layers
        if layer.type == "InnerProduct"
        and flag(layer, _PARAM, _FIELD)
        and names.count(layer.name) == 1
        and not any(param.name in shared for param in layer.params)
    ]


def turnable(index: ModelIndex, layers: Iterable[Layer]) -> list[Layer]:
    """Return those of the layers whose weights are there and can be turned."""
    return [layer for layer in layers if _entry(index, layer) is not None]


def _entry(index: ModelIndex, layer: Layer) -> LayerEntry | None:
    """Return a layer in the weights, where its blobs can be turned."""
    entries, outputs = index.named(layer.name), size(layer, _PARAM, "num_output")
    if len(entries) != 1 or not entries[0].blobs or outputs is None:
        return None
    blobs = entries[0].blobs
    known = all(blob.problem() is None and form_of(blob) is not None for blob in blobs)
    current = entries[0].generation is Generation.CURRENT
    return entries[0] if known and current and blobs[0].count % outputs == 0 else None


def turn_edits(source: Source, layers: Iterable[Layer]) -> list[Edit]:
    """Return the edits that take the field out."""
    edits = []
    for layer in layers:
        param = layer.parameter(_PARAM)
        edits += delete_fields(source, param.nodes_of(_FIELD) if param is not None else ())
    return edits


def with_turned(
    data: Buffer, index: ModelIndex, layers: Sequence[Layer], folds: Sequence[NumberedFold]
) -> list[NumberedFold]:
    """Return folds with those of some layers turned, and folds of nothing for the others."""
    names = {layer.name for layer in layers}
    found = [one._replace(turned=one.entry.name in names) for one in folds]
    names -= {one.entry.name for one in folds}
    for layer in (layer for layer in layers if layer.name in names):
        entry, outputs = _entry(index, layer), size(layer, _PARAM, "num_output")
        if entry is not None and outputs is not None:
            bias = None
            if len(entry.blobs) > 1:
                place = f"layer '{entry.name}', blob 1"
                bias = decode_blob(data, entry.blobs[1], path=index.path, place=place).reshape(-1)
            factor = np.ones(outputs)
            found.append(NumberedFold(Fold(layer, ()), entry, factor, bias, turned=True))
    return found
