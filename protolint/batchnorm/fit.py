"""Whether a net and a weight file belong together, and what stands between them.

A pair is one model where a Caffe loads every blob of the net from the file. Where it does not,
nothing can be proven by running both sides; `fit` says what is in the way, in the words of the one
who has to mend it. Sources: CopyTrainedLayersFrom in src/caffe/net.cpp and Blob::ShapeEquals in
src/caffe/blob.cpp @ 1.0, v0.15.14, v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from math import prod
from typing import NamedTuple

from protolint.batchnorm.reading import StoredLayer, WeightsFile
from protolint.batchnorm.stored_scales import BATCHNORM_TYPES
from protolint.float32 import single
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.net import TEST, Net
from protolint.net.parameters import parameters

__all__ = ["Gap", "GapKind", "fit"]

#: Types whose blobs a fold has put into the layer above.
_FOLDED = (*BATCHNORM_TYPES, "Scale")


class GapKind(Enum):
    """What stands between a net and a weight file.

    FOLDED: the file has no BatchNorms, whose numbers are in the layers above. NOT_FOLDED: the file
    has BatchNorms, and the net none. RENAMED: a layer of the file is one of the net under another
    name. RESHAPED: as many values, in another shape, which can stay in place. BLOBS and SHAPE:
    another number of blobs, or of values. MISSING: the net starts a layer anew. EPS: the file was
    trained with another eps.
    """

    FOLDED = "folded"
    NOT_FOLDED = "not folded"
    RENAMED = "renamed"
    RESHAPED = "reshaped"
    BLOBS = "blobs"
    SHAPE = "shape"
    MISSING = "missing"
    EPS = "eps"


class Gap(NamedTuple):
    """One thing between a net and a weight file; `other` is a layer of the file, or "".

    `aborts` tells whether the net's Caffe ends when it loads the file.
    """

    kind: GapKind
    layer: str
    message: str
    aborts: bool
    other: str = ""


class _Wanted(NamedTuple):
    layer: Layer
    shapes: tuple[Shape, ...]


def fit(net: Net, weights: WeightsFile) -> tuple[Gap, ...]:
    """Return what stands between a net and a weight file, in net order; nothing where they fit.

    A layer of the file that the net lacks is nothing: Caffe reads over it.
    """
    wanted = _wanted(net)
    stored = {layer.name: layer for layer in weights.layers if layer.shapes}
    lost = [one for name, one in wanted.items() if name not in stored]
    free = [layer for name, layer in stored.items() if name not in wanted]
    entries = weights.index.layers if weights.index is not None else ()
    legacy = {entry.name for entry in entries if any(blob.legacy for blob in entry.blobs)}
    gaps: list[Gap] = []
    folded = _folded(lost, free, stored, wanted)
    if folded is not None:
        gaps.append(folded)
        lost = [one for one in lost if one.layer.type not in _FOLDED]
    renamed = _renamed(lost, free)
    for one in wanted.values():
        name = one.layer.name
        if name in renamed:
            other = renamed[name]
            gaps.append(
                Gap(
                    GapKind.RENAMED,
                    name,
                    f"'{name}' is '{other.name}' in the weights, by its type, its shapes and its"
                    " place; give both one name",
                    aborts=False,
                    other=other.name,
                )
            )
        elif name in stored:
            gaps += _compared(net, one, stored[name], weights, legacy=name in legacy)
        elif one in lost and one.shapes:
            text = f"'{name}' is not in the weights: it would start as its fillers make it"
            gaps.append(Gap(GapKind.MISSING, name, text, aborts=False))
    return (*gaps, *_eps(net, weights, wanted))


def _wanted(net: Net) -> dict[str, _Wanted]:
    """Return the layers with learnable blobs by name, those that run in TEST first."""
    found: dict[str, _Wanted] = {}
    for view in sorted(net.views, key=lambda view: view.state.phase != TEST):
        known = parameters(net, view)
        for layer in view.layers:
            blobs = known[layer.index]
            if blobs:
                shapes = tuple(blob.shape for blob in blobs)
                found.setdefault(layer.name, _Wanted(layer, shapes))
    return found


def _folded(
    lost: Sequence[_Wanted],
    free: Sequence[StoredLayer],
    stored: Mapping[str, StoredLayer],
    wanted: Mapping[str, _Wanted],
) -> Gap | None:
    """Return the one gap of a pair of which one side is folded and the other is not."""
    norms = [one.layer.name for one in lost if one.layer.type in BATCHNORM_TYPES]
    if norms and not any(layer.type in BATCHNORM_TYPES for layer in stored.values()):
        text = f"the weights have no BatchNorm, and the net has '{norms[0]}'"
        more = "they are folded, it is not: fold the net with `protolint deploy --fold`, or take"
        return Gap(GapKind.FOLDED, norms[0], f"{text}: {more} the weights it was made of", False)
    others = [layer.name for layer in free if layer.type in BATCHNORM_TYPES]
    if others and not any(one.layer.type in BATCHNORM_TYPES for one in wanted.values()):
        text = f"the net has no BatchNorm, and the weights have '{others[0]}'"
        more = "it is folded, they are not: `protolint deploy --fold` folds them with their net"
        return Gap(GapKind.NOT_FOLDED, "", f"{text}: {more}", False, others[0])
    return None


def _renamed(lost: Sequence[_Wanted], free: Sequence[StoredLayer]) -> dict[str, StoredLayer]:
    """Return the layers of a file that are layers of the net, by the names they have there.

    Type and shapes have to agree, for one layer on each side, or for as many in the same order.
    """
    found: dict[str, StoredLayer] = {}
    kinds: dict[tuple[str, tuple[Shape, ...]], list[_Wanted]] = {}
    for one in lost:
        if all(shape.complete for shape in one.shapes):
            kinds.setdefault((one.layer.type, one.shapes), []).append(one)
    for (kind, shapes), layers in kinds.items():
        alike = [
            layer
            for layer in free
            if layer.type in (kind, "")
            and len(layer.shapes) == len(shapes)
            and all(map(_equals, layer.shapes, shapes))
        ]
        if len(alike) == len(layers):
            found |= {one.layer.name: other for one, other in zip(layers, alike, strict=True)}
    return found


def _compared(
    net: Net, one: _Wanted, stored: StoredLayer, weights: WeightsFile, *, legacy: bool
) -> Iterator[Gap]:
    """Yield what differs between the blobs of a layer and those of its name in the file."""
    name, loading = one.layer.name, net.dialect.loading
    norm = one.layer.type in BATCHNORM_TYPES
    if len(one.shapes) != len(stored.shapes):
        has, needs = len(stored.shapes), len(one.shapes)
        text = f"'{name}' has {has} blobs in the weights, and the net needs {needs}"
        advice = "; they are of another Caffe: `protolint convert` makes them one model"
        yield Gap(GapKind.BLOBS, name, text + (advice if norm else ""), aborts=True)
        return
    unchecked = loading.reshapes_hdf5 if weights.hdf5 else len(one.shapes) in loading.reshapes
    if norm and unchecked:
        return
    for i, (dims, shape) in enumerate(zip(stored.shapes, one.shapes, strict=True)):
        if _equals(dims, shape, legacy=legacy):
            continue
        written = "x".join(map(str, dims)) or "scalar"
        text = f"'{name}', blob {i}: {written} in the weights, and {shape} in the net"
        known = [size for size in shape.dims if size is not None]
        if len(known) == len(shape.dims) and prod(known) == prod(dims):
            more = "; as many values, which can stay in place under the other shape"
            yield Gap(GapKind.RESHAPED, name, text + more, aborts=True)
        else:
            yield Gap(GapKind.SHAPE, name, text, aborts=True)
        return


def _equals(dims: Sequence[int], shape: Shape, *, legacy: bool = False) -> bool:
    """Whether Caffe takes a blob of these sizes; what is not known of a shape is taken.

    Of the four sizes of old files the leading ones do not count.
    """
    if not shape.complete:
        return True
    given, more = tuple(dims), len(dims) - len(shape.dims)
    if legacy and more > 0 and set(given[:more]) <= {1}:
        given = given[more:]
    return len(given) == len(shape.dims) and all(
        size is None or size == dim for size, dim in zip(shape.dims, given, strict=True)
    )


def _eps(net: Net, weights: WeightsFile, wanted: Mapping[str, _Wanted]) -> Iterator[Gap]:
    """Yield the BatchNorms that were trained with another eps than the net has."""
    if weights.hdf5:
        return
    for norm in weights.norms:
        one = wanted.get(norm.name)
        if one is None or one.layer.type != "BatchNorm" or norm.facts.norm.eps is None:
            continue
        kind = net.traits(one.layer)
        trained = kind.kind.eps.effective(norm.facts.norm.eps)
        if single(trained) != single(kind.eps):
            yield Gap(
                GapKind.EPS,
                norm.name,
                f"'{norm.name}' was trained with eps {trained:.6g}, and has {kind.eps:.6g} in the"
                " net; write the one of the weights",
                aborts=False,
            )
