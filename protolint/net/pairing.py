"""Which Scale layer is a BatchNorm's gamma and beta, or why none is.

Two layers can be one affine BatchNorm where the Scale has one bottom and alone reads the very
version of the blob that the BatchNorm writes, in the same states, along the axis of the
channels, and nothing between them counts in a loss. `objections` has these conditions for the
layers of a net and of a weight file alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.net.facts import fact
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.record import NamedTuple

__all__ = [
    "GRADIENT_FIELDS",
    "Link",
    "Pairing",
    "Sharing",
    "objections",
    "pair_of",
    "pairings",
    "scale_reading",
    "scales_in",
    "sharing",
]

#: Who uses a name in `param { name: }`: pairs of a layer and the index of its blob.
Sharing = Mapping[str, Sequence[tuple[Layer, int]]]

_NO_SHARING: Sharing = MappingProxyType({})

#: Fields of a layer with which the blob between two layers is more than a blob between them.
GRADIENT_FIELDS = ("loss_weight", "propagate_down")


class Link(NamedTuple):
    """What counts of one of the two layers, or of another reader of the blob between them.

    `place` is the layer's place among all layers, `bottoms` their number, `top` the first top.
    `axis` and `num_axes` are those of a Scale layer, `fields` those of GRADIENT_FIELDS it has.
    """

    place: int
    name: str
    bottoms: int
    top: str
    axis: int = 1
    num_axes: int = 1
    fields: tuple[str, ...] = ()


class Pairing(NamedTuple):
    """The Scale layer behind a BatchNorm: `scales` are its phase variants, none if there is none.

    `reason` says why it is not the affine part of that BatchNorm and nothing else; `shared`
    names the shared blob that is the reason, if one is.
    """

    scales: tuple[Layer, ...] = ()
    reason: str = ""
    shared: str = ""

    @property
    def is_one(self) -> bool:
        """Whether both compute what one affine BatchNorm would."""
        return bool(self.scales) and not self.reason


def objections(
    batchnorm: Link, scale: Link, readers: Sequence[Link], axes: int | None = None
) -> Iterator[str]:
    """Yield what speaks against a pair: reasons that follow "the Scale is no gamma and beta, as".

    `readers` are all layers that read what the BatchNorm writes, one for each bottom; `axes` is
    the blob's number of axes, if it is known.
    """
    if scale.bottoms != 1:
        yield "it takes its factors from a second bottom"
    other = next((reader for reader in readers if reader.place != scale.place), None)
    if other is not None:
        yield f"'{other.name}' reads '{batchnorm.top}' as well"
    from_start = scale.axis if scale.axis >= 0 or axes is None else scale.axis + axes
    if from_start != 1:
        yield f"its axis is {scale.axis}"
    if scale.num_axes != 1:
        yield f"its num_axes is {scale.num_axes}"
    for one in (batchnorm, scale):
        for field in one.fields:
            yield f"'{one.name}' has a {field}"


def scale_reading(view: View, batchnorm: Layer) -> Layer | None:
    """Return the first Scale with one bottom that reads a BatchNorm's top, or None.

    The weaker question: other layers may read the top too, so that it need not be the gamma
    and beta of the BatchNorm.
    """
    for reader in view.readers(batchnorm):
        if reader.type == "Scale" and len(reader.bottoms) == 1:
            return reader
    return None


def pairings(net: Net) -> dict[str, Pairing]:
    """Return the pairing of each BatchNorm of a net, by the name that its phase variants share."""
    groups: dict[str, list[Layer]] = {}
    for layer in net.batchnorms:
        groups.setdefault(layer.name, []).append(layer)

    shape_of = _shape_of(net)
    return {name: pair_of(layers, net.views_of, shape_of) for name, layers in groups.items()}


def _shape_of(net: Net) -> Callable[[View, Layer], Shape]:
    def shape_of(view: View, layer: Layer) -> Shape:
        bottom = view.bottom(layer)
        return UNKNOWN if bottom is None else shapes(net, view).get(bottom, UNKNOWN)

    return shape_of


@fact
def scales_in(net: Net, view: View) -> dict[int, Layer]:
    """Return the Scale layer of each BatchNorm of one view, by the BatchNorm's index."""

    def views_of(layer: Layer) -> Sequence[View]:
        return (view,) if layer in view else ()

    kept = [layer for layer in net.batchnorms if layer in view]
    found = {layer.index: pair_of([layer], views_of, _shape_of(net)) for layer in kept}
    return {index: pairing.scales[0] for index, pairing in found.items() if pairing.is_one}


def sharing(net: Net) -> Sharing:
    """Return the names under which blobs are shared, and by whom.

    A name used once shares nothing.
    """
    found: dict[str, list[tuple[Layer, int]]] = {}
    for layer in net.layers:
        for i, param in enumerate(layer.params):
            if param.name:
                found.setdefault(param.name, []).append((layer, i))
    return {name: users for name, users in found.items() if len(users) > 1}


def _is_scale(layer: Layer) -> bool:
    return layer.type == "Scale"


def pair_of(
    batchnorms: Sequence[Layer],
    views_of: Callable[[Layer], Sequence[View]],
    shape_of: Callable[[View, Layer], Shape],
    shared: Sharing = _NO_SHARING,
    is_scale: Callable[[Layer], bool] = _is_scale,
) -> Pairing:
    """Return the Scale layer that reads what a BatchNorm, in all its phase variants, writes.

    `shape_of` gives the shape of a layer's first bottom. Where blobs are to become those of
    one layer, no blob of the two may be `shared` with another.
    """
    scales: dict[int, Layer] = {}
    reasons: list[str] = []
    missing = False
    for layer in batchnorms:
        behind: set[int] = set()
        for view in views_of(layer):
            readers = view.readers(layer)
            own = [r for r in readers if is_scale(r) and len(r.tops) == 1]
            missing = missing or not own
            for scale in own[:1]:
                scales[scale.index] = scale
                behind.add(scale.index)
                axes = shape_of(view, layer).axes
                links = [_link(reader) for reader in readers]
                reasons += objections(_link(layer), _link(scale), links, axes)
        if len(behind) > 1:
            reasons.append("it has variants for states that the BatchNorm has not")
    if not scales:
        return Pairing()
    found = tuple(scales.values())
    if len({scale.name for scale in found}) > 1:
        reasons.append("it is not the same layer in every state")
    if missing or not _only_behind(batchnorms, found, views_of):
        reasons.append(f"it is not active in the same states as '{batchnorms[0].name}'")
    name = next(_shared_names((*batchnorms, *found), shared), "")
    if name:
        reasons.append(f"'{name}' is shared with another layer")
    return Pairing(found, reasons[0] if reasons else "", name)


def _link(layer: Layer) -> Link:
    param = layer.parameter("scale_param")
    axis = param.integer("axis") if param is not None and "axis" in param else 1
    num_axes = param.integer("num_axes") if param is not None and "num_axes" in param else 1
    fields = tuple(field for field in GRADIENT_FIELDS if field in layer.message)
    top = layer.tops[0].name if layer.tops else ""
    return Link(layer.index, layer.name, len(layer.bottoms), top, axis, num_axes, fields)


def _only_behind(
    batchnorms: Sequence[Layer],
    scales: Sequence[Layer],
    views_of: Callable[[Layer], Sequence[View]],
) -> bool:
    """Whether a Scale layer is active only where the BatchNorm it reads is."""
    for scale in scales:
        for view in views_of(scale):
            bottom = view.bottom(scale)
            if bottom is None or not any(bottom.producer is layer for layer in batchnorms):
                return False
    return True


def _shared_names(layers: Sequence[Layer], shared: Sharing) -> Iterator[str]:
    """Yield the names that these layers share with others than themselves and their variants."""
    own = {layer.name for layer in layers}
    for layer in layers:
        for param in layer.params:
            users = shared.get(param.name, [])
            if any(user.name not in own for user, _ in users):
                yield param.name
