"""The changes that turn one model file into another's layout, layer by layer.

Only BatchNorm layers and the Scale layers that belong to them are decoded; a blob stored
in a form the target cannot read is recoded while it is written; all else is copied.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from protolint.batchnorm.base import Role
from protolint.batchnorm.facts import REMARK, VARIANCE_REMARK
from protolint.batchnorm.layouts import is_open
from protolint.batchnorm.reading import Norm
from protolint.batchnorm.state import Array, LayoutError
from protolint.caffe.dialect import Dialect
from protolint.caffe.field_numbers import ForkLayerField, LayerField
from protolint.conversion import file_refusals, notes
from protolint.conversion.decide.affine import CONVOLUTION, SCALE
from protolint.conversion.decide.step import Action
from protolint.conversion.notes import Note
from protolint.conversion.numbers.encode import (
    Encoded,
    LayerChange,
    encode_norm,
    no_equivalent,
    written_layout,
)
from protolint.conversion.numbers.fields import Translator
from protolint.conversion.numbers.other_layers import (
    RAW_FORMS,
    Rewritten,
    other_layer,
    renamed,
    scale_blobs_of,
    text_field,
)
from protolint.conversion.numbers.weight_step import FROZEN_SCALE, WeightStep
from protolint.errors import InputError
from protolint.float32 import single
from protolint.weights.blobs import Form, encode_blob, form_of
from protolint.weights.index import Generation, LayerEntry, ModelIndex
from protolint.weights.splice import Change, Copy, Piece, changed_layer, message
from protolint.wire import (
    FIXED32,
    LENGTH,
    VARINT,
    Buffer,
    WireField,
    fields,
    float_field,
    length_delimited,
    varint_field,
)

__all__ = [
    "Rewrite",
    "rewrite_model",
]

_NAME, _TYPE, _BOTTOM, _TOP = LayerField.NAME, LayerField.TYPE, LayerField.BOTTOM, LayerField.TOP
_PARAM, _BLOBS, _NORM = LayerField.PARAM, LayerField.BLOBS, LayerField.BATCH_NORM_PARAM
_SCALE_PARAM, _CONVOLUTION_PARAM = LayerField.SCALE_PARAM, LayerField.CONVOLUTION_PARAM
# The fillers of those as the ones of batch_norm_param (caffe.proto @ 1.0, v0.15.14).
_SCALE_FILLERS, _CONVOLUTION_FILLERS = {3: 5, 5: 6}, {7: 5, 8: 6}
_INCLUDE, _EXCLUDE, _PHASE = LayerField.INCLUDE, LayerField.EXCLUDE, LayerField.PHASE
_OLD_PARAMS = (ForkLayerField.SEGNET_BN_PARAM, ForkLayerField.YJXIONG_BN_PARAM)
_NORM_MESSAGE = "BatchNormParameter"
_ENGINES = {"CAFFE": 1, "CUDNN": 2}
_NONE: Mapping[str, Any] = MappingProxyType({})


class Rewrite:
    """All changes to a model, and what is worth telling about them."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.layers: list[LayerChange] = []
        self.notes: list[Note] = []
        self.recoded: Counter[str] = Counter()


def rewrite_model(
    data: Buffer,
    index: ModelIndex,
    norms: Mapping[int, Norm],
    steps: Mapping[str, WeightStep],
    target: Dialect,
    translator: Translator,
    *,
    half: bool = False,
    floats: bool = False,
    resume: bool = False,
    names: Mapping[str, str] = _NONE,
    shapes: Mapping[str, Sequence[tuple[int, ...]]] = _NONE,
) -> Rewrite:
    """Return the changes that make a model one of the target's.

    `steps` has one entry for every BatchNorm of `norms`, by name. `half` keeps values of
    half precision outside BatchNorm where the target reads them, `floats` makes every value a
    plain float; `resume` gives layouts of sums the factor of a run that has settled. `names` and
    `shapes` are what other layers and their blobs are to have, by the layer's name. Raises
    InputError where a layer's numbers have no equivalent, or a blob is damaged.
    """
    model = Rewritten(data, index, norms, steps, target, translator, half, resume, floats, shapes)
    result = Rewrite()
    gone = {step.scale for norm in norms.values() if (step := steps[norm.name]).removes_scale}
    new_scales: dict[str, tuple[Array, ...]] = {}
    new_names = {step.scale: step.scale_name for step in steps.values()}
    for position, norm in norms.items():
        layer = index.layers[position]
        rebuilt = _Rebuilt(model, layer, norm, steps[norm.name], result)
        result.changes += rebuilt.changes()
        if rebuilt.pushed is not None:
            new_scales[steps[norm.name].scale] = rebuilt.pushed
    for layer in index.layers:
        if layer.position in norms:
            continue
        if layer.type in (SCALE, CONVOLUTION) and layer.name in gone:
            result.changes.append(Change(layer.field.start, layer.field.end, ()))
            continue
        inside = other_layer(model, layer, result.recoded, new_scales.get(layer.name))
        if layer.type == "Scale" and new_names.get(layer.name):
            inside += renamed(layer, new_names[layer.name])
        elif layer.name in names:
            inside += renamed(layer, names[layer.name])
        if inside:
            result.changes.append(changed_layer(layer, inside))
    result.changes += translator.changes(data, "NetParameter", index.others)
    return result


class _Rebuilt:
    """One BatchNorm layer, written again, and the Scale layer it may get."""

    def __init__(
        self,
        model: Rewritten,
        layer: LayerEntry,
        norm: Norm,
        step: WeightStep,
        result: Rewrite,
    ) -> None:
        self.model = model
        self.layer = layer
        self.norm = norm
        self.result = result
        self.pushed: tuple[Array, ...] | None = None
        layout = written_layout(step.layout, norm.state.channels)
        if layout.name != step.layout.name:
            result.notes.append(notes.order_of_015(norm.name, step.layout.name))
        self.step = step._replace(layout=layout)
        self.scale_layer = self._scale_layer()

    def changes(self) -> list[Change]:
        """Return the changes to the file."""
        try:
            return self._changes()
        except LayoutError as error:
            text = no_equivalent(self.norm, self.step, error)
            raise InputError(self.model.file.path, text) from None

    def _changes(self) -> list[Change]:
        step, norm = self.step, self.norm
        made = encode_norm(norm, step, self._scale_values(), resume=self.model.resume)
        self.result.layers.append(LayerChange(norm, step, made))
        form = self._form()
        if self._stays(made, form):
            return []
        new: list[tuple[int, tuple[Piece, ...]]] = [
            (_BLOBS, (length_delimited(_BLOBS, encode_blob(b, form)),)) for b in made.blobs
        ]
        new += [(_PARAM, (item,)) for item in self._params()]
        new.append(self._parameter(made.eps))
        tops = self.layer.tops
        if self.scale_layer is not None and step.removes_scale:
            tops = self.scale_layer.tops
        new += [(REMARK, (text_field(REMARK, text),)) for text in self._remarks()]
        changed = {_PARAM, _BLOBS, _NORM, _SCALE_PARAM, REMARK}
        if step.name:
            changed.add(_NAME)
            new.append((_NAME, (text_field(_NAME, step.name),)))
        if tops != self.layer.tops:
            changed.add(_TOP)
            new += [(_TOP, (text_field(_TOP, top),)) for top in tops]
        wanted = "Scale" if step.layout is FROZEN_SCALE else "BatchNorm"
        if self.layer.type != wanted:
            changed.add(_TYPE)
            new.append((_TYPE, (text_field(_TYPE, wanted),)))
        if self.layer.type == "BN":
            changed.update(_OLD_PARAMS)
        pieces = self._with_kept(changed, new)
        if made.scale is not None and step.adds_scale:
            pieces += self._added_scale(made.scale, form, tops)
        elif made.scale is not None:
            self.pushed = made.scale
        return [Change(*self.layer.field, tuple(pieces))]

    def _remarks(self) -> list[str]:
        """Return what the layer is to remember: what it was, and what its blobs do not show."""
        comment = self.step.comment
        return [*([comment] if comment else []), *([VARIANCE_REMARK] if self._is_open() else [])]

    def _is_open(self) -> bool:
        """Whether other files of this layout have an inverse deviation for the variance."""
        return is_open(self.step.layout.name)

    def _stays(self, made: Encoded, form: Form) -> bool:
        """Whether the layer is already what it would become, so that its bytes can stay."""
        layer, norm, step = self.layer, self.norm, self.step
        given = [
            bytes(self.model.data[f.value : f.end]) for f in layer.fields if f.number == REMARK
        ]
        marks = given != [text.encode("utf-8", "surrogateescape") for text in self._remarks()]
        if (
            not self.model.translator.same
            or layer.type != "BatchNorm"
            or (marks and bool(given))
            or step.comment
            or step.name
        ):
            return False
        if step.layout.name != norm.layout.name or step.written or made.scale is not None:
            return False
        if step.action is not Action.KEEP:
            return False
        rates = [rule.lr_mult for rule in step.layout.params]
        given_rates = [param.lr_mult for param in norm.facts.params]
        frozen = all(rate in (None, lr) for rate, lr in zip(rates, given_rates, strict=False))
        return (
            (not given_rates or (frozen and len(given_rates) == len(rates)))
            and made.eps == norm.state.eps
            and all(form_of(blob) is form for blob in layer.blobs)
            and len(made.blobs) == len(norm.facts.blobs)
            and all(
                new.shape == old.shape and new.dtype == old.dtype and new.tobytes() == old.tobytes()
                for new, old in zip(made.blobs, norm.facts.blobs, strict=True)
            )
        )

    def _parameter(self, eps: float) -> tuple[int, tuple[Piece, ...]]:
        """Return the parameter message of the new layer."""
        if self.step.layout is FROZEN_SCALE:
            return _SCALE_PARAM, (length_delimited(_SCALE_PARAM, varint_field(4, 1)),)
        return _NORM, (length_delimited(_NORM, self._norm_param(eps)),)

    def _scale_layer(self) -> LayerEntry | None:
        """Return the Scale layer of the step, the last of its name, as Caffe would have it."""
        if not self.step.reads_scale:
            return None
        named = [
            layer
            for layer in self.model.file.named(self.step.scale)
            if layer.type in (SCALE, CONVOLUTION) and layer.blobs
        ]
        if not named and self.step.removes_scale:
            self.result.notes.append(notes.scale_missing(self.norm.name, self.step.scale))
        return named[-1] if named else None

    def _scale_values(self) -> tuple[Array, ...]:
        """Return the blobs of that layer."""
        if self.scale_layer is None:
            return ()
        return scale_blobs_of(self.model.file.path, self.model.data, self.scale_layer)

    def _form(self) -> Form:
        """Raw where the layer was raw and the target reads it; never halves."""
        raw = self.model.raw and any(form_of(blob) in RAW_FORMS for blob in self.layer.blobs)
        double = self.norm.state.dtype == np.float64
        if self.model.floats:
            return Form.DATA
        if raw:
            return Form.RAW_DOUBLE if double else Form.RAW_FLOAT
        return Form.DOUBLE_DATA if double else Form.DATA

    def _with_kept(
        self, changed: set[int], new: Iterable[tuple[int, tuple[Piece, ...]]]
    ) -> list[Piece]:
        """Return the layer with fields of some numbers replaced, in the order of numbers."""
        kept = [found for found in self.layer.fields if found.number not in changed]
        translated = {
            change.start: change.pieces
            for change in self.model.translator.changes(self.model.data, "LayerParameter", kept)
        }
        parts = [
            (found.number, translated.get(found.start, (Copy(found.start, found.end),)))
            for found in kept
        ]
        parts = sorted([*parts, *new], key=lambda part: part[0])
        return list(message(Generation.CURRENT.value, [p for _, part in parts for p in part]))

    def _specs(self) -> dict[Role, bytes]:
        """Return each blob's multipliers and sharing in the source, as ParamSpec bytes."""
        data, layer = self.model.data, self.layer
        found = {}
        if len(layer.params) == len(self.norm.layout.roles):
            for role, span in zip(self.norm.layout.roles, layer.params, strict=True):
                found[role] = bytes(data[span.start : span.end])
        if self.scale_layer is not None and self.step.removes_scale:
            for role, span in zip((Role.GAMMA, Role.BETA), self.scale_layer.params, strict=False):
                found[role] = bytes(data[span.start : span.end])
        return found

    def _params(self) -> Iterator[bytes]:
        """Yield the `param` fields of the new layer, one for each blob."""
        specs = self._specs()
        for rule in self.step.layout.params:
            spec = specs.get(rule.role, b"")
            if rule.lr_mult is not None:
                kept = b"".join(spec[f.start : f.end] for f in _shared(spec))
                spec = kept + float_field(3, rule.lr_mult)
                if rule.decay_mult is not None:
                    spec += float_field(4, rule.decay_mult)
            yield length_delimited(_PARAM, spec)

    def _norm_fields(self) -> list[tuple[WireField, bytes]]:
        """Return the fields of the source's batch_norm_param, the last of each number."""
        data, result = self.model.data, {}
        for span in self.layer.batch_norm_params:
            for found in fields(data, span.start, span.end):
                result[found.number] = (found, bytes(data[found.start : found.end]))
        return [result[number] for number in sorted(result)]

    def _norm_param(self, eps: float) -> bytes:
        """batch_norm_param of the new layer."""
        step, target = self.step, self.model.target
        norm = self.norm.facts.norm
        parts: dict[int, bytes] = {}
        has_fillers = target.knows_field(_NORM_MESSAGE, "scale_filler")
        has_engine = target.knows_field(_NORM_MESSAGE, "engine")
        for found, content in self._norm_fields():
            flag = found.number == 1 and found.wire_type == VARINT
            real = found.number == 2 and found.wire_type == FIXED32
            filler = (
                found.number in (5, 6) and found.wire_type == LENGTH and has_fillers
            ) and step.layout.affine
            engine = found.number == 15 and found.wire_type == VARINT and has_engine
            if flag or real or filler or engine:
                parts[found.number] = content
        if self.layer.type == "BN" and norm.fraction is not None:
            parts[2] = float_field(2, norm.fraction)
        if norm.eps is not None or eps != single(step.layout.eps.default):
            parts[3] = float_field(3, eps)
        if step.layout.affine and target.knows_field(_NORM_MESSAGE, "scale_bias"):
            parts[7] = varint_field(7, 1)
        if step.action is Action.MERGE and step.layout.affine and has_fillers:
            parts.update(self._moved_fillers())
        if has_engine and step.written in _ENGINES:
            parts[15] = varint_field(15, _ENGINES[step.written])
        return b"".join(parts[number] for number in sorted(parts))

    def _moved_fillers(self) -> dict[int, bytes]:
        """Filler and bias_filler of the Scale layer as those of the BatchNorm."""
        moved = {}
        data, layer = self.model.data, self.scale_layer
        number, numbers = _SCALE_PARAM, _SCALE_FILLERS
        if layer is not None and layer.type == CONVOLUTION:
            number, numbers = _CONVOLUTION_PARAM, _CONVOLUTION_FILLERS
        for span in layer.messages(number) if layer is not None else ():
            for found in fields(data, span.start, span.end):
                wanted = numbers.get(found.number)
                if wanted is not None and found.wire_type == LENGTH:
                    content = bytes(data[found.value : found.end])
                    moved[wanted] = length_delimited(wanted, content)
        return moved

    def _added_scale(
        self, blobs: tuple[Array, ...], form: Form, tops: Sequence[str]
    ) -> tuple[Piece, ...]:
        """Return the layer with gamma and beta that follows, in place on the top."""
        layer, name = self.layer, self.step.scale_name or self.step.scale
        if self.step.action is Action.SPLIT and self.model.file.named(name):
            raise LayoutError(file_refusals.scale_name_taken(name))
        parts: list[tuple[int, tuple[Piece, ...]]] = [
            (_NAME, (text_field(_NAME, name),)),
            (_TYPE, (text_field(_TYPE, self.step.scale_type),)),
            *((number, (text_field(number, tops[0]),)) for number in (_BOTTOM, _TOP) if tops),
        ]
        specs = self._specs()
        wanted = [specs.get(role, b"") for role in (Role.GAMMA, Role.BETA)]
        if any(not _is_plain(spec) for spec in wanted):
            parts += [(_PARAM, (length_delimited(_PARAM, spec),)) for spec in wanted[: len(blobs)]]
        parts += [
            (_BLOBS, (length_delimited(_BLOBS, encode_blob(values, form)),)) for values in blobs
        ]
        parts += [
            (found.number, (Copy(found.start, found.end),))
            for found in layer.fields
            if found.number in (_INCLUDE, _EXCLUDE, _PHASE)
        ]
        parts.append(self._scale_param(blobs))
        if self.step.scale_comment:
            parts.append((REMARK, (text_field(REMARK, self.step.scale_comment),)))
        return message(Generation.CURRENT.value, [p for _, part in parts for p in part])

    def _scale_param(self, blobs: tuple[Array, ...]) -> tuple[int, tuple[Piece, ...]]:
        """Return the parameter message of a gamma and beta layer, with the source's fillers."""
        number, numbers = _SCALE_PARAM, _SCALE_FILLERS
        inner: dict[int, bytes] = {4: varint_field(4, 1)} if len(blobs) > 1 else {}
        if self.step.scale_type == CONVOLUTION:
            number, numbers = _CONVOLUTION_PARAM, _CONVOLUTION_FILLERS
            channels = self.norm.state.channels
            # num_output, bias_term, kernel_size, group
            inner = {n: varint_field(n, v) for n, v in ((1, channels), (4, 1), (5, channels))}
            if len(blobs) == 1:
                inner[2] = varint_field(2, 0)
        data = self.model.data
        given = {
            f.number: length_delimited(f.number, bytes(data[f.value : f.end]))
            for f, _ in self._norm_fields()
            if f.wire_type == LENGTH
        }
        given.update(self._moved_fillers())
        for new, old in numbers.items():
            if old in given:
                found = next(fields(given[old], 0, len(given[old])))
                inner[new] = length_delimited(new, given[old][found.value : found.end])
        content = b"".join(inner[n] for n in sorted(inner))
        return number, (length_delimited(number, content),)


def _shared(spec: bytes) -> Iterator[WireField]:
    """Return the fields of a ParamSpec that are no multipliers: name and share_mode."""
    return (found for found in fields(spec, 0, len(spec)) if found.number in (1, 2))


def _is_plain(spec: bytes) -> bool:
    """Whether a ParamSpec says nothing but the multipliers 1."""
    for found in fields(spec, 0, len(spec)):
        if found.number not in (3, 4) or found.wire_type != FIXED32:
            return False
        if struct.unpack("<f", spec[found.value : found.end])[0] != 1:
            return False
    return True
