"""Whether a net and a weight file are one model, and what stands between them if not.

The one account for all who ask: the rules on weights, convert, deploy, compare, run, recalibrate.
A net run with weights that no Caffe loads into it computes something, and two such runs may agree:
they prove nothing. Sources: CopyTrainedLayersFrom in src/caffe/net.cpp and Blob::ShapeEquals in
src/caffe/blob.cpp @ 1.0, v0.15.14, v0.16.6, v0.17.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Literal, TypeAlias, get_args

from protolint.batchnorm.reading import StoredLayer, WeightsFile, read_weights
from protolint.batchnorm.stored_scales import BATCHNORM_TYPES
from protolint.caffe.batchnorm import Affine
from protolint.errors import ProtolintError
from protolint.float32 import single
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.net.parameters import Parameter, parameters
from protolint.record import NamedTuple

__all__ = [
    "Gap",
    "GapKind",
    "PairError",
    "Wanted",
    "between",
    "fit",
    "require_fit",
    "wanted_layers",
]

#: Types whose blobs a fold has put into the layer above.
_FOLDED = frozenset((*BATCHNORM_TYPES, "Scale", "Bias"))
_HOW = "`protolint deploy --fold` folds a net with the weights it was trained with"


class PairError(ProtolintError):
    """A net and weights that are not one model."""

    def __init__(self, weights: str, net: str, reason: str) -> None:
        super().__init__(f"{weights}: does not fit {net}: {reason}")


#: What stands between a net and a weight file, the first that counts first. "folded": the file has
#: no BatchNorms, whose numbers are in the layers above; "not folded": the file has, and the net
#: none. "renamed": a layer of the file is one of the net under another name. "reshaped": as many
#: values, in another shape. "blobs", "shape": another number of blobs, or of values. "channels":
#: the same of a BatchNorm whose Caffe does not look. "missing": the net starts a layer with its
#: fillers. "eps": the file was trained with another eps.
GapKind: TypeAlias = Literal[
    "folded", "not folded", "renamed", "reshaped", "blobs", "shape", "channels", "missing", "eps"
]


class Gap(NamedTuple):
    """One thing between a net and a weight file; `other` is a layer of the file, or "".

    Of a layer that both have, `position` is its place in the file, `blob` the first blob that
    differs, `needs` the shape that the net has for it, and `layout` whether the two differ only as
    the BatchNorms of two Caffes do, so that a conversion is what they need.
    """

    kind: GapKind
    layer: str
    message: str
    other: str = ""
    position: int = 0
    blob: int = 0
    needs: tuple[int | None, ...] = ()
    layout: bool = False

    @property
    def aborts(self) -> bool:
        """Whether the net's Caffe ends when it loads the file."""
        return self.kind in ("reshaped", "blobs", "shape")

    @property
    def is_fold(self) -> bool:
        """Whether one side is folded and the other is not."""
        return self.kind in ("folded", "not folded")


class Wanted(NamedTuple):
    """A layer of the net and its learnable blobs; None where it is not known which."""

    layer: Layer
    parameters: tuple[Parameter, ...] | None

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the blobs, as far as they are known."""
        return tuple(blob.shape for blob in self.parameters or ())


def require_fit(net: Net, path: str, *, any_caffe: bool = False) -> list[str]:
    """Return remarks on weights that fit a net: another eps.

    `any_caffe` is as in `between`. Raises PairError, with what stands between them, for weights
    that are not those of a net, InputError for a file that is no caffemodel.
    """
    gaps = fit(net, read_weights(path))
    reason = between(gaps, any_caffe=any_caffe)
    if reason is not None:
        raise PairError(path, net.source.path, reason)
    return [gap.message for gap in gaps if gap.kind == "eps"]


def between(gaps: Iterable[Gap], *, any_caffe: bool = False) -> str | None:
    """Return what keeps a net and weights from being one model; None where they are one.

    Another eps does not: the net may have it on purpose. Nor do the shapes of a BatchNorm that
    another engine of its Caffe has. With `any_caffe` no difference between the BatchNorms of two
    Caffes does, and no layer that starts with its fillers: a conversion mends or names those.
    """
    order = get_args(GapKind)
    kinds = ("eps", "missing") if any_caffe else ("eps",)
    layouts = order if any_caffe else ("reshaped",)
    kept = [g for g in gaps if g.kind not in kinds and not (g.layout and g.kind in layouts)]
    if not kept:
        return None
    first = min(kept, key=lambda gap: order.index(gap.kind))
    whole = first.is_fold or len(kept) == 1
    return first.message + ("" if whole else f" ({len(kept) - 1} more)")


def fit(net: Net, weights: WeightsFile) -> tuple[Gap, ...]:
    """Return what stands between a net and a weight file; nothing where they fit.

    The weights are as they are without a net. A layer of the file that the net lacks is nothing:
    Caffe reads over it.
    """
    places = _places(net)
    stored = {layer.name: layer for layer in weights.layers}
    given = {
        blob.name for name in stored.keys() & places for blob in places[name][0].parameters or ()
    }
    lost = [
        one
        for name, (one, *_) in places.items()
        if name not in stored
        and any(not (b.name and b.name in given) for b in one.parameters or ())
    ]
    free = [layer for layer in weights.layers if layer.shapes and layer.name not in places]
    gaps: list[Gap] = []
    seen = set()
    for position, layer in enumerate(weights.layers):
        for one in places.get(layer.name, ()):
            gap = _compared(net, one, layer, weights, position)
            if gap is not None and layer.name not in seen:
                seen.add(layer.name)
                gaps.append(gap)
    folded = _folded(net, places, stored, lost, free, weights)
    if folded is not None:
        gaps.insert(0, folded)
        lost = [one for one in lost if one.layer.type not in _FOLDED]
    renamed = _renamed(lost, free, list(places), [layer.name for layer in weights.layers])
    for one in lost:
        name, other = one.layer.name, renamed.get(one.layer.name, "")
        if other:
            text = f"'{other}' in the weights, by its type, its shapes and its place; give both one"
            gaps.append(Gap("renamed", name, f"'{name}' is {text} name", other))
        else:
            text = "is not in the weights: it would start as its fillers make it"
            gaps.append(Gap("missing", name, f"'{name}' {text}"))
    return (*gaps, *_eps(net, weights, places))


def wanted_layers(net: Net) -> dict[str, Wanted]:
    """Return the layers of a net by name: of several of one name the first gets the weights."""
    return {name: found[0] for name, found in _places(net).items()}


def _places(net: Net) -> dict[str, list[Wanted]]:
    """Return what each state of the net has for the weights of a name, each once."""
    found: dict[str, list[Wanted]] = {}
    for view in net.views:
        known, names = parameters(net, view), set()
        for layer in view.layers:
            if layer.name in names:
                continue
            names.add(layer.name)
            merges = net.dialect.merges_scale and _is_merged(net, layer)
            # Gamma and beta may lie with either layer; both files fit.
            one = Wanted(layer, None if merges else known[layer.index])
            places = found.setdefault(layer.name, [])
            if one not in places:
                places.append(one)
    return found


def _is_merged(net: Net, layer: Layer) -> bool:
    """Return whether a layer may be half of a BatchNorm and Scale that are one when loaded."""
    if layer.type == "Scale":
        return any(_is_merged(net, batchnorm) for batchnorm in net.batchnorms)
    if layer.type != "BatchNorm":
        return False
    traits = net.traits(layer)
    return traits.kind.affine is Affine.ON_REQUEST and not traits.affine


def _folded(
    net: Net,
    places: Mapping[str, Sequence[Wanted]],
    stored: Mapping[str, StoredLayer],
    lost: Sequence[Wanted],
    free: Sequence[StoredLayer],
    weights: WeightsFile,
) -> Gap | None:
    """Return the one gap of a pair of which one side is folded and the other is not.

    Where a bias came with the fold, the numbers of blobs show it. Else a net is folded that goes
    on behind a layer which only a BatchNorm reads in the file.
    """
    gained = {
        name: len(one.shapes) - len(stored[name].shapes)
        for name, (one, *_) in places.items()
        if one.parameters and one.layer.type not in _FOLDED and name in stored
    }
    gains = set(gained.values())
    norms = [one.layer.name for one in lost if one.layer.type in BATCHNORM_TYPES]
    has_norms = any(layer.type in BATCHNORM_TYPES for layer in stored.values())
    if norms and gains and (-1 in gains or not has_norms):
        text = "the weights are folded and the net is not"
        if -1 not in gains:
            text = "the weights are folded, or of a net without BatchNorm"
        text += f": they lack '{norms[0]}'"
        return Gap("folded", norms[0], f"{text}; take the folded net. {_HOW}")
    # Programs that fold leave the layers behind, with statistics of nothing.
    blank = {n.name for n in weights.norms if n.decoded is not None and not n.state.mean.any()}
    others = [one for one in free if one.type in BATCHNORM_TYPES and one.name not in blank]
    read = {version.name for view in net.views for one in view.layers for version in one.bottoms}
    tops = {top.name for name in gained for top in places[name][0].layer.tops}
    if (
        others
        and not norms
        and (1 in gains or tops & read & {b for one in others for b in one.bottoms})
    ):
        text = f"the net is folded and the weights are not: it lacks their '{others[0].name}'"
        more = f"{text}; take the net that was trained. {_HOW}"
        return Gap("not folded", "", more, others[0].name)
    return None


def _renamed(
    lost: Sequence[Wanted], free: Sequence[StoredLayer], here: list[str], there: list[str]
) -> dict[str, str]:
    """Return the names in the file of layers that have another in the net.

    Type and shapes have to agree, and of several the layers that both have before and behind;
    or there are as many on both sides, in the same order. `here` and `there` are all names.
    """
    found: dict[str, str] = {}
    both = set(here) & set(there)
    ours, theirs = _neighbours(here, both), _neighbours(there, both)
    for kind, shapes in dict.fromkeys((one.layer.type, one.shapes) for one in lost):
        names = [one.layer.name for one in lost if (one.layer.type, one.shapes) == (kind, shapes)]
        alike = [
            layer.name
            for layer in free
            if layer.type in (kind, "")
            and len(layer.shapes) == len(shapes)
            and all(
                shape.complete and _equals(d, shape)
                for d, shape in zip(layer.shapes, shapes, strict=True)
            )
        ]
        if len(alike) == len(names):
            found |= dict(zip(names, alike, strict=True))
            continue
        by_place: dict[tuple[str, str], list[str]] = {}
        for other in alike:
            by_place.setdefault(theirs[other], []).append(other)
        many = Counter(ours[name] for name in names)
        for name in names:
            same = by_place.get(ours[name], [])
            if len(same) == 1 and many[ours[name]] == 1:
                found[name] = same[0]
    return found


def _neighbours(names: Sequence[str], both: set[str]) -> dict[str, tuple[str, str]]:
    """Return the layers of both sides before and behind each."""
    before, last = {}, ""
    for name in names:
        before[name] = last
        last = name if name in both else last
    found, last = {}, ""
    for name in reversed(names):
        found[name] = before[name], last
        last = name if name in both else last
    return found


def _compared(
    net: Net, one: Wanted, stored: StoredLayer, weights: WeightsFile, position: int
) -> Gap | None:
    """Return what differs between the blobs of a layer and those of its name in the file."""
    if one.parameters is None:
        return None
    name, shapes = one.layer.name, one.shapes
    norm = one.layer.type in BATCHNORM_TYPES
    if len(shapes) != len(stored.shapes):
        text = (
            f"'{name}' has {len(stored.shapes)} blobs in the weights, and {len(shapes)} in the net"
        )
        advice = "; they are of another Caffe: `protolint convert` makes them one model"
        text += advice if norm else ""
        return Gap("blobs", name, text, position=position, layout=norm)
    loading = net.dialect.loading
    unchecked = loading.reshapes_hdf5 if weights.hdf5 else len(shapes) in loading.reshapes
    if unchecked and (one.layer.type if weights.hdf5 else stored.type) == "BatchNorm":
        return _wrong_channels(name, stored, shapes, position)
    entry = None if weights.index is None else weights.index.layers[position]
    for i, (dims, shape) in enumerate(zip(stored.shapes, shapes, strict=True)):
        if _equals(dims, shape, legacy=entry is not None and entry.blobs[i].legacy):
            continue
        written = "x".join(map(str, dims)) or "scalar"
        there = f" of {stored.type}" if stored.type not in ("", one.layer.type) else ""
        text = f"'{name}', blob {i}: {written}{there} in the weights, and {shape} in the net"
        kind: GapKind = "shape"
        if shape.values == prod(dims):
            kind = "reshaped"
            text += "; as many values in the same order, which `protolint convert --like` reshapes"
        sizes = [[size for size in sizes if size != 1] for sizes in (dims, shape.dims)]
        flat = (
            norm
            and len(sizes[0]) == len(sizes[1])
            and all(a == b or b is None for a, b in zip(*sizes, strict=True))
        )
        return Gap(kind, name, text, "", position, i, shape.dims, flat)
    return None


def _wrong_channels(
    name: str, stored: StoredLayer, shapes: Sequence[Shape], position: int
) -> Gap | None:
    """Return that a BatchNorm has another number of channels, whatever the order of its blobs."""
    sizes = [shape.values for shape in shapes]
    given = [prod(dims) for dims in stored.shapes]
    channels = max((size or 0 for size in sizes), default=0)
    if None in sizes or max(given, default=0) == channels:
        return None
    text = f"'{name}' has {max(given)} channels in the weights, and {channels} in the net"
    at = given.index(max(given))
    return Gap("channels", name, text, "", position, at, (channels,))


def _equals(dims: Sequence[int], shape: Shape, *, legacy: bool = False) -> bool:
    """Whether Caffe takes a blob of these sizes; what is not known of a shape is taken.

    The four sizes of old files are compared from the end, and missing axes count as 1.
    """
    given, more = tuple(dims), len(dims) - len(shape.dims)
    if legacy and shape.complete and more > 0 and set(given[:more]) <= {1}:
        given = given[more:]
    if shape.complete and len(given) != len(shape.dims):
        return False
    return all(size is None or size == dim for size, dim in zip(shape.dims, given, strict=False))


def _eps(net: Net, weights: WeightsFile, places: Mapping[str, Sequence[Wanted]]) -> Iterator[Gap]:
    """Yield the BatchNorms that were trained with another eps than the net has."""
    for norm in () if weights.hdf5 else weights.norms:
        layer = places[norm.name][0].layer if norm.name in places else None
        if layer is None or layer.type != "BatchNorm" or norm.facts.norm.eps is None:
            continue
        kind = net.traits(layer)
        trained = kind.kind.eps.effective(norm.facts.norm.eps)
        if single(trained) != single(kind.eps):
            text = f"'{norm.name}' was trained with eps {trained:.6g}, and has {kind.eps:.6g} in"
            text += " the net; write the one of the weights"
            yield Gap("eps", norm.name, text, position=norm.position)
