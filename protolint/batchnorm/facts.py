"""What a weight file says about one BatchNorm layer, gathered for detect.py.

Field numbers: LayerParameter.batch_norm_param is 139 in every dialect that has it, and
NVIDIA's forward_type and backward_type are 145 and 146 from v0.16.1 on (caffe.proto @
v0.16.1). Other forks use those numbers for messages, and BatchNormParameter 4 to 8 for
other things, so the wire type always counts too
(caffe.proto @ 1.0, v0.15.14, v0.17.4, BVLC branches intel and opencl).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from protolint.batchnorm.base import DEFAULT_FRACTION
from protolint.batchnorm.state import Array, Statistic
from protolint.caffe.batchnorm import NormParam
from protolint.caffe.field_numbers import BatchNormField, ForkLayerField, LayerField, ParamField
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.blobs import decode_blob
from protolint.weights.header import Storage
from protolint.weights.index import LayerEntry, ModelIndex, shown
from protolint.wire import FIXED32, LENGTH, VARINT, Buffer, WireError, WireField, fields

__all__ = [
    "REMARK",
    "VARIANCE_REMARK",
    "FileMarks",
    "LayerFacts",
    "ParamFacts",
    "facts_of",
    "file_marks",
]

#: The field of a LayerParameter in which a conversion leaves a comment. Every Caffe reads over it.
REMARK = 7369327
#: The comment of a layer whose second statistic is a variance, which its blobs do not show.
VARIANCE_REMARK = "# protolint: bn-stat=variance"

# 147 and 148 are left out: the OpenCL branch has numbers of its own from 147 on.
_TYPE_FIELDS = (LayerField.FORWARD_TYPE, LayerField.BACKWARD_TYPE)


class FileMarks(NamedTuple):
    """What the file as a whole shows of its writer; each names a layer, or is None.

    `raw_data` counts where all values lie so: NVIDIA Caffe writes raw_data for every blob or for
    none (Blob::ToProto in src/caffe/blob.cpp @ v0.16.1). OpenCV's shrinkCaffeModel gives it to the
    halves of Convolution and InnerProduct and leaves the rest of the file as its author wrote it
    (modules/dnn/src/caffe/caffe_shrinker.cpp @ 4.5).
    """

    raw_data: str | None = None
    type_fields: str | None = None
    intel: str | None = None

    @property
    def nvidia(self) -> str | None:
        """Why the file was written by NVIDIA Caffe 0.16.1 or later, if anything says so."""
        if self.type_fields is not None:
            return f"layer '{self.type_fields}' has fields such as forward_type"
        if self.raw_data is not None:
            return f"layer '{self.raw_data}' has its values in raw_data"
        return None


class ParamFacts(NamedTuple):
    """One `param` of a layer; None for what it does not mention."""

    lr_mult: float | None
    decay_mult: float | None
    name: str


# Fields of batch_norm_param by wire type: 5 and 6 are Intel's flags and NVIDIA's fillers.
_FLOATS = {BatchNormField.MOVING_AVERAGE_FRACTION: "fraction", BatchNormField.EPS: "eps"}
_FLAGS = {
    BatchNormField.USE_GLOBAL_STATS: "use_global_stats",
    BatchNormField.SCALE_BIAS: "scale_bias",
    BatchNormField.USE_WEIGHT_BIAS: "use_weight_bias",
    BatchNormField.BIAS_TERM: "bias_term",
}
_FILLERS = {
    BatchNormField.SCALE_FILLER: "scale_filler",
    BatchNormField.BIAS_FILLER: "bias_filler",
}
# The values of batch_norm_param.engine (enum Engine in caffe.proto @ v0.14.5).
_ENGINES = {0: "DEFAULT", 1: "CAFFE", 2: "CUDNN"}

_NO_MARKS, _NO_PARAM = FileMarks(), NormParam()


class LayerFacts(NamedTuple):
    """One layer's blobs, decoded, and everything else that hints at its layout.

    `scale` is the name of the Scale layer with this layer's gamma and beta; `bn_mode` is
    SegNet's, 0 LEARN or 1 INFERENCE. `statistic` is the second one where a conversion says so.
    """

    name: str
    type: str
    blobs: tuple[Array, ...]
    raw_data: bool = False
    norm: NormParam = _NO_PARAM
    params: tuple[ParamFacts, ...] = ()
    scale: str | None = None
    marks: FileMarks = _NO_MARKS
    bn_mode: int | None = None
    statistic: Statistic | None = None

    @property
    def fraction(self) -> float:
        """moving_average_fraction, or its default."""
        return DEFAULT_FRACTION if self.norm.fraction is None else self.norm.fraction


def file_marks(index: ModelIndex) -> FileMarks:
    """Return what the layers of a file show of its writer; looks at the index only."""
    raw = typed = intel = None
    plain = False
    for layer in index.layers:
        for blob in layer.blobs:
            plain = plain or bool(blob.data or blob.double_data)
            if raw is None and blob.storage is Storage.RAW_DATA:
                raw = shown(layer.name)
        for found in layer.fields:
            if typed is None and found.number in _TYPE_FIELDS and found.wire_type == VARINT:
                typed = shown(layer.name)
            if intel is None and found.number == LayerField.ENGINE and found.wire_type == LENGTH:
                intel = shown(layer.name)
    return FileMarks(None if plain else raw, typed, intel)


def facts_of(
    data: Buffer,
    index: ModelIndex,
    layer: LayerEntry,
    marks: FileMarks = _NO_MARKS,
    scale: LayerEntry | None = None,
) -> LayerFacts:
    """Return the facts about one layer; raises InputError where a blob or parameter is damaged.

    `marks` are those of file_marks, `scale` is the layer's in stored_scales: both are worked
    out once for a file.
    """
    name = shown(layer.name)
    blobs = tuple(
        decode_blob(data, blob, path=index.path, place=f"layer {layer.position} '{name}', blob {i}")
        for i, blob in enumerate(layer.blobs)
    )
    try:
        norm, bn_mode = _norm_param(data, layer), _bn_mode(data, layer)
        params = tuple(_param(data, span) for span in layer.params)
    except WireError as error:
        place = f"byte {error.offset} (layer {layer.position} '{name}')"
        raise InputError(index.path, f"{place}: {error}") from None
    return LayerFacts(
        name=name,
        type=layer.type,
        blobs=blobs,
        raw_data=any(blob.storage is Storage.RAW_DATA for blob in layer.blobs),
        norm=norm,
        params=params,
        scale=None if scale is None else shown(scale.name),
        marks=marks,
        bn_mode=bn_mode,
        statistic=_remarked(data, layer),
    )


def _remarked(data: Buffer, layer: LayerEntry) -> Statistic | None:
    """Return what a conversion has remarked about the second statistic."""
    wanted = VARIANCE_REMARK.encode()
    remarks = (f for f in layer.fields if f.number == REMARK and f.wire_type == LENGTH)
    if any(bytes(data[found.value : found.end]) == wanted for found in remarks):
        return Statistic.VARIANCE
    return None


def _norm_param(data: Buffer, layer: LayerEntry) -> NormParam:
    """Return what batch_norm_param says, or the bn_param of yjxiong/caffe and PSPNet."""
    if layer.type == "BN":
        return _yjxiong_param(data, layer)
    given: dict[str, Any] = {}
    for found in _all_fields(data, layer.batch_norm_params):
        number, wire_type, value = found.number, found.wire_type, found.number_value
        if wire_type == FIXED32 and number in _FLOATS:
            given[_FLOATS[number]] = _float(data, found)
        elif wire_type == VARINT and number in _FLAGS:
            given[_FLAGS[number]] = bool(value)
        elif wire_type == VARINT and number == BatchNormField.ENGINE:
            given["engine"] = _ENGINES.get(value)
        elif wire_type == LENGTH and number in _FILLERS:
            given[_FILLERS[number]] = True
    return NormParam(**given)


def _yjxiong_param(data: Buffer, layer: LayerEntry) -> NormParam:
    """Return what bn_param of yjxiong/caffe and PSPNet says: momentum and eps."""
    floats: dict[int, float] = {}
    older = False
    for found in _all_fields(data, layer.messages(ForkLayerField.YJXIONG_BN_PARAM)):
        if found.wire_type == FIXED32:
            floats[found.number] = _float(data, found)
        # Branch data_parallel has a bool 3 and everything after it one number later.
        older = older or (found.number == 3 and found.wire_type == VARINT)
    momentum, eps = (4, 5) if older else (3, 4)
    return NormParam(
        fraction=floats.get(momentum, 0.9), eps=floats.get(eps, 1e-7 if older else None)
    )


def _bn_mode(data: Buffer, layer: LayerEntry) -> int | None:
    """Return the bn_mode of SegNet's bn_param, the last one winning."""
    spans = layer.messages(ForkLayerField.SEGNET_BN_PARAM) if layer.type == "BN" else ()
    mode = None
    for found in _all_fields(data, spans):
        if found.number == 3 and found.wire_type == VARINT:
            mode = found.number_value
    return mode


def _param(data: Buffer, span: Span) -> ParamFacts:
    """Return what one `param` says."""
    param = ParamFacts(None, None, "")
    for found in fields(data, *span):
        if found.number == ParamField.NAME and found.wire_type == LENGTH:
            text = bytes(data[found.value : found.end]).decode("utf-8", "surrogateescape")
            param = param._replace(name=text)
        elif found.number == ParamField.LR_MULT and found.wire_type == FIXED32:
            param = param._replace(lr_mult=_float(data, found))
        elif found.number == ParamField.DECAY_MULT and found.wire_type == FIXED32:
            param = param._replace(decay_mult=_float(data, found))
    return param


def _all_fields(data: Buffer, spans: tuple[Span, ...]) -> Iterator[WireField]:
    """Yield the fields of a message that may be given in several parts, which protobuf merges."""
    for span in spans:
        yield from fields(data, *span)


def _float(data: Buffer, found: WireField) -> float:
    """Return the value of a 32-bit float field."""
    value: float = struct.unpack("<f", bytes(data[found.value : found.end]))[0]
    return value
