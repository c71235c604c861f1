"""Every BatchNorm of a weight file as numbers, or why there are none.

The one reader for all who want numbers. Who goes on where something is unclear looks at
`problem`; who cannot asks `require`, which refuses. Nothing is decoded on a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from types import MappingProxyType

import numpy as np

from protolint.batchnorm.base import Layout
from protolint.batchnorm.detect import Detection, detect
from protolint.batchnorm.facts import FileMarks, LayerFacts, facts_of, file_marks
from protolint.batchnorm.in_net import LayerInNet
from protolint.batchnorm.state import (
    Array,
    BatchNormState,
    LayoutError,
    Statistic,
    with_affine,
)
from protolint.batchnorm.stored_scales import BATCHNORM_TYPES, stored_scales
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.weights.blobs import decode_blob
from protolint.weights.files import mapped, open_regular
from protolint.weights.hdf5 import model_shapes, read_model
from protolint.weights.index import LayerEntry, ModelIndex, index_model, shown
from protolint.weights.kinds import SIGNATURE_BYTES, FileKind, is_hdf5
from protolint.wire import Buffer

__all__ = [
    "Norm",
    "StoredLayer",
    "WeightsFile",
    "norm_of",
    "norms_in",
    "read_weights",
    "require",
]

_NO_MARKS = FileMarks()
_NO_NET: Mapping[str, LayerInNet] = MappingProxyType({})


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


class Norm(NamedTuple):
    """One BatchNorm of a weight file.

    `problem` is "" where there are numbers; else it says why there are none: the layout is not
    certain, or the blobs do not fit it. `scale_blobs` are gamma and beta (if any) of the Scale
    layer `facts.scale`, flat; empty where there is none. `scale_unknown` is whether nothing
    says if one follows. `position` is the layer's place in a binary file.
    """

    layer: StoredLayer
    facts: LayerFacts
    detection: Detection
    decoded: BatchNormState | None
    problem: str = ""
    scale_blobs: tuple[Array, ...] = ()
    scale_unknown: bool = False
    position: int = 0

    @property
    def name(self) -> str:
        """The layer's name, fit to be shown."""
        return self.layer.name

    @property
    def state(self) -> BatchNormState:
        """The layer's own numbers; raises LayoutError where there is a problem."""
        if self.decoded is None:
            raise LayoutError(self.problem)
        return self.decoded

    @property
    def layout(self) -> Layout:
        """The layout; raises LayoutError where it is not certain."""
        if self.detection.layout is None:
            raise LayoutError(self.problem)
        return self.detection.layout

    @property
    def layout_name(self) -> str:
        """The names of the layouts that the layer may have; of the only one, if it is certain."""
        names = (candidate.layout.name for candidate in self.detection.candidates)
        return " or ".join(dict.fromkeys(names))

    @property
    def evidence(self) -> tuple[str, ...]:
        """What speaks for the layout."""
        return self.detection.candidates[0].evidence if self.detection.candidates else ()

    def with_eps(self, written: float | None) -> Norm:
        """Return the same BatchNorm as if its batch_norm_param had this eps; None: it has none."""
        facts = self.facts._replace(norm=self.facts.norm._replace(eps=written))
        return _judged(self.layer, facts, self.detection, self.scale_blobs, self.position)

    @property
    def folded(self) -> BatchNormState:
        """The state with the Scale layer's gamma and beta, if one follows; raises as `state`."""
        if not self.scale_blobs:
            return self.state
        try:
            return with_affine(self.state, *self.scale_blobs[:2])
        except LayoutError:
            # A Scale of another number of channels has nothing to do with this layer.
            return self.state


class WeightsFile:
    """What a weight file holds; `index` is None for HDF5."""

    __slots__ = ("index", "layers", "marks", "norms", "path")

    def __init__(
        self,
        path: str,
        index: ModelIndex | None,
        layers: tuple[StoredLayer, ...],
        norms: tuple[Norm, ...],
        marks: FileMarks = _NO_MARKS,
    ) -> None:
        self.path, self.index, self.layers, self.norms = path, index, layers, norms
        self.marks = marks

    @property
    def kind(self) -> FileKind:
        """MODEL or MODEL_HDF5, by the content."""
        return FileKind.MODEL_HDF5 if self.hdf5 else FileKind.MODEL

    @property
    def hdf5(self) -> bool:
        """Whether the content is HDF5, whatever the name."""
        return self.index is None


def require(path: str, norms: Iterable[Norm]) -> list[Norm]:
    """Return the BatchNorms of a file where each has numbers.

    Raises InputError with the first layer whose layout is not certain, what speaks for each
    candidate and the switch that settles it; else with the first whose blobs do not fit.
    """
    found = list(norms)
    doubtful = [norm for norm in found if not norm.detection.certain]
    if doubtful:
        others = len(doubtful) - 1
        more = f" (and {others} more layers)" if others > 1 else " (and 1 more layer)" * others
        raise InputError(path, f"layer '{doubtful[0].name}'{more}: {doubtful[0].problem}")
    for norm in found:
        if norm.problem:
            raise InputError(path, f"layer '{norm.name}': {norm.problem}")
    return found


def read_weights(
    path: str,
    in_net: Mapping[str, LayerInNet] = _NO_NET,
    *,
    source: str | None = None,
    statistic: Statistic | None = None,
) -> WeightsFile:
    """Return the BatchNorms of a caffemodel, binary or HDF5 by its content.

    `in_net` is what a prototxt says, by the layer's name. Without it the layers of an HDF5
    file are BatchNorms where their blobs have the sizes of one. `source` and `statistic` are
    as in detect. Raises InputError for a file that is damaged or no caffemodel, UsageError
    where h5py is needed and missing.
    """
    with open_regular(path) as file:
        head = file.read(SIGNATURE_BYTES) or b""
    if is_hdf5(head):
        return _read_hdf5(path, in_net, source, statistic)
    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        norms = tuple(norms_in(data, index, in_net, source=source, statistic=statistic))
    layers = tuple(_stored(entry) for entry in index.layers)
    return WeightsFile(path, index, layers, norms, file_marks(index))


def norms_in(
    data: Buffer,
    index: ModelIndex,
    in_net: Mapping[str, LayerInNet] = _NO_NET,
    *,
    source: str | None = None,
    statistic: Statistic | None = None,
) -> Iterator[Norm]:
    """Yield the BatchNorms with blobs of a binary caffemodel, in file order.

    The arguments are those of read_weights. Raises InputError for damaged blobs.
    """
    marks, scales = file_marks(index), stored_scales(data, index)
    entries = {shown(entry.name): entry for entry in index.layers}
    for entry in index.layers:
        if entry.type not in BATCHNORM_TYPES or not entry.blobs:
            continue
        facts = facts_of(data, index, entry, marks, scales.get(entry.position))
        says = in_net.get(facts.name)
        if says is not None:
            norm = facts.norm._replace(eps=says.norm.eps)
            facts = facts._replace(norm=norm, scale=says.scale)
        scale = entries.get(facts.scale or "")
        blobs: tuple[Array, ...] = ()
        if scale is not None and scale.type == "Scale":
            blobs = tuple(_decoded(data, index, scale))
        verdict = detect(facts, source=source, statistic=statistic)
        yield _judged(_stored(entry), facts, verdict, blobs, entry.position)


def norm_of(
    layer: StoredLayer,
    facts: LayerFacts,
    scale_blobs: tuple[Array, ...] = (),
    *,
    source: str | None = None,
    statistic: Statistic | None = None,
) -> Norm:
    """Return the BatchNorm of a layer's facts, with numbers where they can be read.

    `source` and `statistic` are as in detect.
    """
    verdict = detect(facts, source=source, statistic=statistic)
    return _judged(layer, facts, verdict, scale_blobs)


@np.errstate(invalid="ignore", over="ignore")
def _judged(
    layer: StoredLayer,
    facts: LayerFacts,
    verdict: Detection,
    scale_blobs: tuple[Array, ...],
    position: int = 0,
) -> Norm:
    """Return the BatchNorm of a verdict, with numbers where it is certain."""
    state, problem = None, verdict.question
    if verdict.layout is not None:
        try:
            state = verdict.layout.decode(facts.blobs, facts.norm.eps, facts.fraction)
        except LayoutError as error:
            problem = str(error)
    return Norm(layer, facts, verdict, state, problem, scale_blobs, position=position)


def _decoded(data: Buffer, index: ModelIndex, entry: LayerEntry) -> Iterator[Array]:
    for i, blob in enumerate(entry.blobs):
        place = f"layer {entry.position} '{shown(entry.name)}', blob {i}"
        yield decode_blob(data, blob, path=index.path, place=place).reshape(-1)


def _read_hdf5(
    path: str,
    in_net: Mapping[str, LayerInNet],
    source: str | None,
    statistic: Statistic | None,
) -> WeightsFile:
    layers = [
        StoredLayer(name, _type_of(name, shapes, in_net), (), (), shapes, Span(0, 0))
        for name, shapes in model_shapes(path).items()
    ]
    norms = [layer for layer in layers if layer.type in BATCHNORM_TYPES]
    given = {layer.name: in_net.get(layer.name) for layer in norms}
    scales = {says.scale for says in given.values() if says is not None and says.scale}
    blobs = read_model(path, scales | given.keys())
    found = []
    for layer in norms:
        says = given[layer.name] or LayerInNet(layer.type)
        facts = LayerFacts(
            layer.name, layer.type, blobs[layer.name], norm=says.norm, scale=says.scale
        )
        scale = tuple(blob.reshape(-1) for blob in blobs.get(says.scale or "", ()))
        norm = norm_of(layer, facts, scale, source=source, statistic=statistic)
        found.append(norm._replace(scale_unknown=given[layer.name] is None))
    return WeightsFile(path, None, tuple(layers), tuple(found))


def _type_of(
    name: str, shapes: tuple[tuple[int, ...], ...], in_net: Mapping[str, LayerInNet]
) -> str:
    """Return what a layer of an HDF5 file is, as far as a net or its blobs show."""
    if name in in_net:
        return in_net[name].type
    return "BatchNorm" if _looks_like_one(shapes) else ""


def _looks_like_one(shapes: tuple[tuple[int, ...], ...]) -> bool:
    """Whether blobs have the sizes of a BatchNorm: C, C, 1, or five of which one is single.

    No other layer with three or five blobs has such sizes.
    """
    sizes = [prod(shape) for shape in shapes]
    return len(sizes) in (3, 5) and sizes.count(1) in (1, len(sizes)) and len(set(sizes)) <= 2


def _stored(entry: LayerEntry) -> StoredLayer:
    return StoredLayer(
        shown(entry.name),
        entry.type,
        entry.bottoms,
        entry.tops,
        tuple(blob.shape for blob in entry.blobs),
        entry.field,
    )
