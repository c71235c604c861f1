"""Layers of a model that are no BatchNorm: blobs in another form, names, a new gamma and beta."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from protolint.batchnorm.reading import Norm
from protolint.batchnorm.state import Array
from protolint.caffe.dialect import Dialect
from protolint.caffe.field_numbers import LayerField, V0LayerField, V1LayerField
from protolint.conversion import file_refusals
from protolint.conversion.numbers.fields import Translator
from protolint.conversion.numbers.weight_step import WeightStep
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.weights.blobs import Form, decode_blob, encode_blob, form_of, recoded_blob
from protolint.weights.index import Generation, LayerEntry, ModelIndex
from protolint.weights.splice import Change, message
from protolint.wire import Buffer, length_delimited, varint_field

__all__ = [
    "RAW_FORMS",
    "Rewritten",
    "blobs_of",
    "form_in_target",
    "other_layer",
    "renamed",
    "scale_blobs_of",
    "text_field",
]

_NAME, _BLOBS, _SCALE_PARAM = LayerField.NAME, LayerField.BLOBS, LayerField.SCALE_PARAM
_BLOB_NUMBERS = {
    Generation.CURRENT: LayerField.BLOBS,
    Generation.V1: V1LayerField.BLOBS,
    Generation.V0: V0LayerField.BLOBS,
}
_MESSAGES = {
    Generation.CURRENT: "LayerParameter",
    Generation.V1: "V1LayerParameter",
    Generation.V0: "V1LayerParameter",
}
RAW_FORMS = (Form.RAW_FLOAT, Form.RAW_HALF, Form.RAW_DOUBLE)


def blobs_of(path: str, data: Buffer, layer: LayerEntry) -> tuple[Array, ...]:
    """Return the blobs of a layer; raises InputError for a damaged one."""
    return tuple(
        decode_blob(data, blob, path=path, place=f"layer '{layer.name}', blob {i}")
        for i, blob in enumerate(layer.blobs)
    )


def scale_blobs_of(path: str, data: Buffer, layer: LayerEntry) -> tuple[Array, ...]:
    """Return the blobs of a Scale layer, flat; halves as floats."""
    return tuple(_wide(values) for values in blobs_of(path, data, layer))


def _wide(values: Array) -> Array:
    flat = values.reshape(-1)
    return flat.astype(np.float32) if flat.dtype == np.float16 else flat


class Rewritten(NamedTuple):
    """What a rewrite reads."""

    data: Buffer
    file: ModelIndex
    norms: Mapping[int, Norm]
    steps: Mapping[str, WeightStep]
    target: Dialect
    translator: Translator
    half: bool
    resume: bool
    floats: bool = False
    shapes: Mapping[str, Sequence[tuple[int, ...]]] = MappingProxyType({})

    @property
    def raw(self) -> bool:
        """Whether the target reads raw_data."""
        return self.target.loading.reads_raw_data


def other_layer(
    model: Rewritten,
    layer: LayerEntry,
    recoded: Counter[str],
    scale: tuple[Array, ...] | None,
) -> list[Change]:
    """Return the changes inside a layer that is no BatchNorm.

    `scale` are a Scale layer's new blobs.
    """
    number = _BLOB_NUMBERS[layer.generation]
    changes = []
    for i, blob in enumerate(layer.blobs):
        place = f"layer {layer.position} '{layer.name}', blob {i}"
        problem = blob.problem()
        if problem is not None:
            text = file_refusals.damaged_blob(blob.payload.start, place, problem)
            raise InputError(model.file.path, text)
        form, wanted = form_of(blob), form_in_target(model, form_of(blob))
        if scale is not None or form is None or wanted is None:
            continue
        if layer.name in model.shapes:
            blob = blob._replace(shape=model.shapes[layer.name][i])
        elif form is wanted:
            continue
        if form is not wanted:
            recoded[f"{form.value} as {wanted.value}"] += 1
        pieces = recoded_blob(blob, wanted)
        changes.append(Change(blob.field.start, blob.field.end, message(number, pieces)))
    skip = frozenset({number})
    changes += model.translator.changes(
        model.data, _MESSAGES[layer.generation], layer.fields, skip=skip
    )
    return [*changes, *_new_scale(model, layer, scale)] if scale is not None else changes


def renamed(layer: LayerEntry, name: str) -> list[Change]:
    """Another name for a layer."""
    former = [found for found in layer.fields if found.number == _NAME]
    changes = [Change(found.start, found.end, ()) for found in former]
    return [*changes, Change(layer.payload.start, layer.payload.start, (text_field(_NAME, name),))]


def _new_scale(model: Rewritten, layer: LayerEntry, scale: tuple[Array, ...]) -> list[Change]:
    """Other blobs in a Scale layer that stays; one without a beta may get it, or lose it."""
    first = layer.blobs[0]
    form = form_in_target(model, form_of(first)) or Form.DATA
    if form is Form.RAW_HALF:
        form = Form.RAW_FLOAT
    made = b"".join(length_delimited(_BLOBS, encode_blob(values, form)) for values in scale)
    changes = [Change(blob.field.start, blob.field.end, ()) for blob in layer.blobs[1:]]
    changes.append(Change(first.field.start, first.field.end, (made,)))
    if len(layer.blobs) != len(scale):
        # A message given in two parts is one: only bias_term is given here.
        given = length_delimited(_SCALE_PARAM, varint_field(4, len(scale) - 1))
        changes.append(Change(layer.payload.end, layer.payload.end, (given,)))
    return changes


def form_in_target(model: Rewritten, form: Form | None) -> Form | None:
    """Return the form in which the target is given values that are stored in `form`."""
    if model.floats:
        return None if form is None else Form.DATA
    if form is Form.RAW_HALF and model.raw and model.half:
        return form
    if form not in RAW_FORMS:
        return form
    if form is Form.RAW_DOUBLE:
        return form if model.raw else Form.DOUBLE_DATA
    return Form.RAW_FLOAT if model.raw else Form.DATA


def text_field(number: int, text: str) -> bytes:
    """Return a string field; broken bytes as they were."""
    return length_delimited(number, text.encode("utf-8", "surrogateescape"))
