"""Every BatchNorm of a weight file as numbers, or why there are none.

For readers that go on where something is unclear: the weight rules and the statistics.
The converter refuses instead (protolint.conversion.numbers.norms).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.detect import Detection, detect
from protolint.batchnorm.facts import FileMarks, LayerFacts, NormParam, facts_of, file_marks
from protolint.batchnorm.state import (
    Array,
    BatchNormState,
    LayoutError,
    Statistic,
    with_affine,
)
from protolint.batchnorm.stored_scales import BATCHNORM_TYPES, stored_scales
from protolint.source import Span
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped, open_regular
from protolint.weights.hdf5 import model_shapes, read_model
from protolint.weights.index import LayerEntry, ModelIndex, index_model, shown
from protolint.weights.kinds import SIGNATURE_BYTES, FileKind, is_hdf5
from protolint.wire import Buffer

__all__ = ["Known", "Norm", "StoredLayer", "WeightsFile", "read_weights"]

_NO_MARKS = FileMarks()


class Known(NamedTuple):
    """What a prototxt says of a layer by a file's name: it counts more than the file.

    `scale` is the Scale layer that alone reads the BatchNorm's top.
    """

    type: str
    norm: NormParam = NormParam()
    scale: str | None = None


class StoredLayer(NamedTuple):
    """A layer of a weight file: what it says, without its values.

    `span` is where it lies in a binary file; empty in an HDF5 file, which also has neither
    type nor bottoms and tops. `name` is fit to be shown.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """One BatchNorm of a weight file.

    `state` has its own numbers, `problem` is "" then; where the layout is not certain or the
    blobs do not fit it, there is no state, and `problem` says why. `scale_blobs` are gamma
    and beta (if any) of the Scale layer `facts.scale`, flat; empty where there is none. `alone`
    tells that nothing says whether one follows.
    """

    layer: StoredLayer
    facts: LayerFacts
    detection: Detection
    state: BatchNormState | None
    problem: str = ""
    scale_blobs: tuple[Array, ...] = ()
    alone: bool = False

    @property
    def name(self) -> str:
        """The layer's name, fit to be shown."""
        return self.layer.name

    @property
    def layout(self) -> Layout | None:
        """The layout, where it is certain."""
        return self.detection.layout

    @property
    def folded(self) -> BatchNormState | None:
        """The state with the Scale layer's gamma and beta, if one follows."""
        if self.state is None or not self.scale_blobs:
            return self.state
        try:
            return with_affine(self.state, *self.scale_blobs[:2])
        except LayoutError:
            # A Scale of another number of channels has nothing to do with this layer.
            return self.state


@dataclass(frozen=True, slots=True, eq=False)
class WeightsFile:
    """What a weight file holds; `index` is None for HDF5."""

    path: str
    index: ModelIndex | None
    layers: tuple[StoredLayer, ...]
    norms: tuple[Norm, ...]
    marks: FileMarks = _NO_MARKS

    @property
    def kind(self) -> FileKind:
        """MODEL or MODEL_HDF5, by the content."""
        return FileKind.MODEL_HDF5 if self.hdf5 else FileKind.MODEL

    @property
    def hdf5(self) -> bool:
        """Whether the content is HDF5, whatever the name."""
        return self.index is None


def read_weights(
    path: str,
    known: Mapping[str, Known] = MappingProxyType({}),
    *,
    source: str | None = None,
    statistic: Statistic | None = None,
) -> WeightsFile:
    """The BatchNorms of a caffemodel, binary or HDF5, told by its content.

    `known` is what a prototxt says, by the layer's name. Without it the layers of an HDF5
    file are BatchNorms where their blobs have the sizes of one. `source` and `statistic` are
    as in detect. Raises InputError for a file that is damaged or no caffemodel, UsageError
    where h5py is needed and missing.
    """
    with open_regular(path) as file:
        head = file.read(SIGNATURE_BYTES) or b""
    if is_hdf5(head):
        return _read_hdf5(path, known, source, statistic)
    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        marks = file_marks(index)
        norms = tuple(_norms(data, index, marks, known, source, statistic))
    layers = tuple(_stored(entry) for entry in index.layers)
    return WeightsFile(path, index, layers, norms, marks)


def _norms(
    data: Buffer,
    index: ModelIndex,
    marks: FileMarks,
    known: Mapping[str, Known],
    source: str | None,
    statistic: Statistic | None,
) -> Iterator[Norm]:
    entries = {shown(entry.name): entry for entry in index.layers}
    scales = stored_scales(data, index)
    for entry in index.layers:
        if entry.type not in BATCHNORM_TYPES or not entry.blobs:
            continue
        facts = facts_of(data, index, entry, marks, scales.get(entry.position))
        told = known.get(facts.name)
        if told is not None:
            norm = facts.norm._replace(eps=told.norm.eps)
            facts = replace(facts, norm=norm, scale=told.scale)
        scale = entries.get(facts.scale or "")
        blobs: tuple[Array, ...] = ()
        if scale is not None and scale.type == "Scale":
            blobs = tuple(_decoded(data, index, scale))
        yield _norm(_stored(entry), facts, blobs, source, statistic)


def _decoded(data: Buffer, index: ModelIndex, entry: LayerEntry) -> Iterator[Array]:
    for i, blob in enumerate(entry.blobs):
        place = f"layer {entry.position} '{shown(entry.name)}', blob {i}"
        yield decode_blob(data, blob, path=index.path, place=place).reshape(-1)


def _read_hdf5(
    path: str,
    known: Mapping[str, Known],
    source: str | None,
    statistic: Statistic | None,
) -> WeightsFile:
    layers = [
        StoredLayer(name, (known.get(name) or _guessed(shapes)).type, (), (), shapes, Span(0, 0))
        for name, shapes in model_shapes(path).items()
    ]
    norms = [layer for layer in layers if layer.type in BATCHNORM_TYPES]
    told = {layer.name: known.get(layer.name) for layer in norms}
    scales = {found.scale for found in told.values() if found is not None and found.scale}
    blobs = read_model(path, scales | told.keys())
    found = []
    for layer in norms:
        says = told[layer.name] or Known(layer.type)
        facts = LayerFacts(
            layer.name, layer.type, blobs[layer.name], norm=says.norm, scale=says.scale
        )
        scale = tuple(blob.reshape(-1) for blob in blobs.get(says.scale or "", ()))
        norm = _norm(layer, facts, scale, source, statistic)
        found.append(norm if told[layer.name] is not None else replace(norm, alone=True))
    return WeightsFile(path, None, tuple(layers), tuple(found))


def _guessed(shapes: tuple[tuple[int, ...], ...]) -> Known:
    """What a layer of an HDF5 file is, as far as its blobs tell."""
    return Known("BatchNorm" if _looks_like_one(shapes) else "")


def _looks_like_one(shapes: tuple[tuple[int, ...], ...]) -> bool:
    """Whether blobs have the sizes of a BatchNorm: C, C, 1, or five of which one is single.

    No other layer with three or five blobs has such sizes.
    """
    sizes = [prod(shape) for shape in shapes]
    return len(sizes) in (3, 5) and sizes.count(1) in (1, len(sizes)) and len(set(sizes)) <= 2


@np.errstate(invalid="ignore", over="ignore")
def _norm(
    layer: StoredLayer,
    facts: LayerFacts,
    scale: tuple[Array, ...],
    source: str | None,
    statistic: Statistic | None,
) -> Norm:
    """The norm of a layer's facts, with a state where there can be one."""
    verdict = detect(facts, source=source, statistic=statistic)
    state, problem = None, ""
    if verdict.layout is None:
        problem = verdict.reason
    else:
        try:
            state = verdict.layout.decode(facts.blobs, facts.norm.eps, facts.fraction)
        except LayoutError as error:
            problem = str(error)
    return Norm(layer, facts, verdict, state, problem, scale)


def _stored(entry: LayerEntry) -> StoredLayer:
    return StoredLayer(
        shown(entry.name),
        entry.type,
        entry.bottoms,
        entry.tops,
        tuple(blob.shape for blob in entry.blobs),
        entry.field,
    )
