"""Fitting weights to a net that is there: its names, its structure, the shapes of its blobs.

For every BatchNorm of that net the one of the weights is looked for: by its name, then by
the layer that it follows, then by the order of those that are left. What becomes of its
gamma and beta is what the net has room for. Other layers get the name and the shapes of the
net's, where `protolint.batchnorm.fit` finds that they are the same; what finds no partner is
named. Caffe finds weights by the name of their layer (CopyTrainedLayersFrom, src/caffe/net.cpp @
1.0, v0.14.5, v0.17.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from protolint.batchnorm.fit import fit, wanted_layers
from protolint.batchnorm.reading import Norm, read_weights
from protolint.caffe.dialect import Dialect
from protolint.conversion import file_refusals, notes, refusals
from protolint.conversion.decide.affine import CONVOLUTION, SCALE, has_beta
from protolint.conversion.decide.forms import Form, form_in, form_of
from protolint.conversion.decide.scene import Scene
from protolint.conversion.decide.step import Action, PlanOptions
from protolint.conversion.notes import Note
from protolint.conversion.numbers.weight_step import WeightStep, target_layout
from protolint.conversion.refusal import Refusal, refuse
from protolint.errors import InputError
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.net.net import Net
from protolint.net.view import View
from protolint.record import NamedTuple
from protolint.words import listed

__all__ = ["BlobShape", "Fitting", "Like", "like_net"]

_MOST_NAMES = 3


class BlobShape(NamedTuple):
    """The shape of a blob in a file; `legacy` are four sizes whose leading ones do not count."""

    dims: tuple[int, ...]
    legacy: bool = False


class _Place(NamedTuple):
    """A BatchNorm in a net: the Scale layer that is its gamma and beta, and what it follows.

    `reason` says why the Scale layer behind it is not that. `above` names the nearest layer
    above that has blobs or several bottoms; for a BatchNorm with its Scale layer, the BatchNorm.
    `type` is Convolution where that is in the place of a Scale layer.
    """

    name: str
    scale: str
    type: str
    reason: str
    above: str
    channels: int | None


class _Wanted(NamedTuple):
    """A BatchNorm of the net to fit: its place, its form, whether its Scale layer has a beta."""

    place: _Place
    form: Form
    bias: bool


class Fitting(NamedTuple):
    """What becomes of the BatchNorm layers of some weights, by name, with notes.

    Layers without a step stay as they are, but for new names and the shapes of blobs that hold
    as many values, each by the layer's name.
    """

    steps: dict[str, WeightStep]
    notes: tuple[Note, ...]
    names: dict[str, str]
    shapes: dict[str, list[tuple[int, ...]]]


class Like(NamedTuple):
    """The net to fit, and the engine its BatchNorm layers run on where they name none."""

    path: str
    net: Net
    wanted: tuple[_Wanted, ...]

    def fit(
        self,
        path: str,
        norms: Sequence[Norm],
        nets: Sequence[Net],
        blobs: Mapping[str, Sequence[BlobShape]],
        depthwise: Callable[[Layer], bool] | None = None,
    ) -> Fitting:
        """Return what to do with the BatchNorm layers of the weights in `path`.

        `nets` describe the layers of the weights, the first that has one counts. `blobs` are
        the shapes of all layers with blobs; `depthwise` is that of PlanOptions, for nets
        that have no text. Raises InputError where a layer of the net has other blobs than the
        weights, or no room for a gamma and beta.
        """
        target = self.net.dialect
        places = _places_of(norms, nets, target, depthwise)
        pairs, found = _matched(places, [wanted.place for wanted in self.wanted])
        if norms and self.wanted and not pairs:
            wanted_name = self.wanted[0].place.name
            text = file_refusals.kinless(self.path, norms[0].name, wanted_name)
            raise InputError(path, text)
        own = {place.name: place for place in places}
        refuse(path, list(_two_holders(norms, own, nets, blobs)))
        steps: dict[str, WeightStep] = {}
        for wanted in self.wanted:
            name = pairs.get(wanted.place.name)
            if name is not None:
                steps[name] = self._weight_step(path, own[name], wanted, blobs)
        self._check_names(path, steps, blobs)
        names, shapes = self._others(path, steps)
        made = {names.get(name, name) for name in _names_after(steps, blobs)}
        if made.isdisjoint(layer.name for layer in self.net.layers):
            raise InputError(path, file_refusals.no_layer_in_common(self.path))
        found += [notes.other_name(new, old) for old, new in names.items()]
        found += [notes.other_shapes(name) for name in shapes]
        found += self._left(norms, steps, made)
        return Fitting(steps, tuple(found), names, shapes)

    def _weight_step(
        self,
        path: str,
        own: _Place,
        wanted: _Wanted,
        blobs: Mapping[str, Sequence[BlobShape]],
    ) -> WeightStep:
        """Return what makes a BatchNorm of the weights that of the net."""
        place, form = wanted.place, wanted.form
        if None not in (own.channels, place.channels) and own.channels != place.channels:
            sizes = own.channels, self.path, place.name, place.channels
            raise InputError(path, file_refusals.other_channels(own.name, *sizes))
        if own.scale and place.reason:
            text = file_refusals.no_gamma_there(own.name, self.path, place.name, place.reason)
            raise InputError(path, text)
        scale = place.scale
        if scale in blobs and scale != own.scale and not own.scale:
            # A Scale layer that the weights have apart from the BatchNorm is found by its name.
            scale = ""
        given = blobs.get(own.scale, ())
        if not scale:
            action = Action.MERGE if own.scale else Action.KEEP
        elif not given:
            action = Action.SPLIT
        elif CONVOLUTION in (own.type, place.type):
            action = Action.REPLACE
        else:
            flat = all(shape == BlobShape((own.channels or 0,)) for shape in given)
            same = flat and len(given) == 1 + wanted.bias
            action = Action.KEEP if same else Action.FOLD
        stays = action in (Action.KEEP, Action.FOLD, Action.REPLACE)
        return WeightStep(
            target_layout(self.net.dialect, form.engine, affine=form.affine),
            action,
            scale if action is Action.SPLIT else own.scale,
            form.eps,
            form.engine,
            bias=wanted.bias,
            name=place.name if place.name != own.name else "",
            scale_name=scale if scale != own.scale and stays else "",
            scale_type=place.type,
        )

    def _check_names(
        self, path: str, steps: Mapping[str, WeightStep], blobs: Mapping[str, Sequence[BlobShape]]
    ) -> None:
        """Refuse a name for a BatchNorm or Scale layer that another layer of the weights has."""
        moved = {name for name, step in steps.items() if step.name}
        moved |= {r.scale for r in steps.values() if r.scale_name or r.removes_scale}
        for name, step in steps.items():
            new = [step.name, step.scale_name]
            new += [step.scale] if step.action is Action.SPLIT else []
            taken = next((one for one in new if one in blobs and one not in moved), None)
            if taken is not None:
                raise InputError(path, file_refusals.name_taken(name, taken, self.path))

    def _others(
        self, path: str, steps: Mapping[str, WeightStep]
    ) -> tuple[dict[str, str], dict[str, list[tuple[int, ...]]]]:
        """Return the new names and shapes of layers that no step is for.

        Raises InputError for those that the net would not take.
        """
        known = set(steps) | {step.scale for step in steps.values()}
        known |= {wanted.place.name for wanted in self.wanted}
        known |= {step.scale_name for step in steps.values()}
        known.discard("")
        found = fit(self.net, read_weights(path))
        gaps = [gap for gap in found if gap.layer not in known and gap.other not in known]
        for gap in gaps:
            if gap.kind in ("blobs", "shape", "channels"):
                if gap.kind == "blobs" and found[0].is_fold:
                    raise InputError(path, file_refusals.folded(self.path, found[0].message))
                raise InputError(path, file_refusals.other_blobs(self.path, gap.message))
        blobs = {name: one.shapes for name, one in wanted_layers(self.net).items()}
        return (
            {gap.other: gap.layer for gap in gaps if gap.kind == "renamed"},
            {
                gap.layer: [tuple(size or 0 for size in shape.dims) for shape in blobs[gap.layer]]
                for gap in gaps
                if gap.kind == "reshaped"
            },
        )

    def _left(
        self, norms: Iterable[Norm], steps: Mapping[str, WeightStep], made: set[str]
    ) -> Iterator[Note]:
        """Yield what has no partner, on either side."""
        rest = [norm.name for norm in norms if norm.name not in steps]
        layers = {layer.name for layer in self.net.layers}
        rest += sorted(name for name in made if name not in layers and name not in rest)
        if rest:
            yield notes.not_in_net(self.path, _listed(rest))
        matched = {step.name or name for name, step in steps.items()}
        rest = [w.place.name for w in self.wanted if w.place.name not in matched]
        others = [
            n for n, one in wanted_layers(self.net).items() if one.parameters and n not in made
        ]
        rest += [name for name in dict.fromkeys(others) if name not in rest]
        if rest:
            yield notes.left_to_fillers(_listed(rest))


def _two_holders(
    norms: Iterable[Norm],
    places: Mapping[str, _Place],
    nets: Sequence[Net],
    blobs: Mapping[str, Sequence[BlobShape]],
) -> Iterator[Refusal]:
    """Yield BatchNorms whose Scale layer is another by their net than by the order of the file."""
    layers = {layer.name for net in nets for layer in net.layers}
    for norm in norms:
        place, stored = places.get(norm.name), norm.facts.scale or ""
        if place is not None and place.scale in blobs and stored in blobs.keys() - layers:
            yield refusals.two_holders(norm.name, place.scale, stored)


def like_net(path: str, net: Net, engine: str | None) -> Like:
    """Return a net of the target to fit weights to.

    `engine` is the one its BatchNorm layers run on where they name none.
    """
    target = net.dialect
    scene = Scene(net, target, PlanOptions())
    wanted = []
    for place, layers in _places(scene):
        form = form_of(layers[0], net)
        param = layers[0].batchnorm
        named = param.engine or "DEFAULT"
        if engine is not None and named == "DEFAULT" and engine in target.engines:
            form = form_in(target, engine, affine=form.affine, eps=param.eps)
        bias = False
        scale = next((layer for layer in net.layers if layer.name == place.scale), None)
        if place.scale and scale is not None:
            bias = has_beta(scale)
        wanted.append(_Wanted(place, form, bias))
    return Like(path, net, tuple(wanted))


def _places(scene: Scene) -> Iterator[tuple[_Place, list[Layer]]]:
    """Yield the BatchNorm layers of a net with where they stand, phase twins as one."""
    pairings = {name: scene.pairing(layers) for name, layers in scene.groups.items()}
    norm_of_scale = {
        pairing.scales[0].name: name for name, pairing in pairings.items() if pairing.is_one
    }
    for name, layers in scene.groups.items():
        pairing = pairings[name]
        above = _above(scene, layers[0])
        place = _Place(
            name,
            pairing.scales[0].name if pairing.is_one else "",
            pairing.scales[0].type if pairing.is_one else SCALE,
            pairing.reason,
            norm_of_scale.get(above, above),
            scene.channels(layers),
        )
        yield place, layers


def _places_of(
    norms: Sequence[Norm],
    nets: Sequence[Net],
    target: Dialect,
    depthwise: Callable[[Layer], bool] | None,
) -> list[_Place]:
    """Where the BatchNorm layers of some weights stand, in the nets that describe them."""
    known: dict[str, _Place] = {}
    for net in nets:
        choices = PlanOptions(depthwise=None if net.source.data else depthwise)
        for place, _ in _places(Scene(net, target, choices)):
            known.setdefault(place.name, place)
    nowhere = _Place("", "", SCALE, "", "", None)
    return [
        known.get(norm.name, nowhere)._replace(name=norm.name, channels=norm.state.channels)
        for norm in norms
    ]


def _above(scene: Scene, layer: Layer) -> str:
    """Return the nearest layer above that has blobs or several bottoms, "" where there is none."""
    view: View | None = next(iter(scene.views_of(layer)), None)
    at: Layer | None = layer
    while view is not None and at is not None:
        bottoms = view.bottoms[at.index]
        at = bottoms[0].producer if len(bottoms) == 1 and bottoms[0] is not None else None
        if at is None:
            return ""
        known = ALL_TYPES.get(at.type)
        if known is None or known.learnable or len(at.bottoms) > 1:
            return at.name
    return ""


def _matched(own: Sequence[_Place], wanted: Sequence[_Place]) -> tuple[dict[str, str], list[Note]]:
    """Which layer of the weights each of the net is, by the net's names; how it was found.

    By name; then, as long as that finds any, by the layer they follow, where only one on
    each side follows it; then by order, where as many are left on both sides and all have
    the same channels.
    """
    names = {place.name for place in own}
    pairs = {place.name: place.name for place in wanted if place.name in names}
    found_notes: list[Note] = []
    while True:
        rest, free = _unmatched(own, wanted, pairs)
        back = {name: new for new, name in pairs.items()}
        ours, theirs = _alone(rest, back), _alone(free, {})
        found = [(theirs[above], ours[above]) for above in theirs if above in ours]
        found = [(new, old) for new, old in found if _alike(old, new)]
        if not found:
            break
        for new, old in found:
            pairs[new.name] = old.name
            found_notes.append(notes.matched_by_place(new.name, old.name, new.above))
    if len(rest) == len(free) and all(_alike(a, b) for a, b in zip(rest, free, strict=True)):
        for old, new in zip(rest, free, strict=True):
            pairs[new.name] = old.name
            found_notes.append(notes.matched_by_order(new.name, old.name))
    return pairs, found_notes


def _unmatched(
    own: Sequence[_Place], wanted: Sequence[_Place], pairs: Mapping[str, str]
) -> tuple[list[_Place], list[_Place]]:
    """Return the layers of both sides that have no partner yet."""
    taken = set(pairs.values())
    return [p for p in own if p.name not in taken], [p for p in wanted if p.name not in pairs]


def _alone(places: Iterable[_Place], new_names: Mapping[str, str]) -> dict[str, _Place]:
    """Return the places by what they follow, by its new name, where only one follows it."""
    groups: dict[str, list[_Place]] = {}
    for place in places:
        groups.setdefault(new_names.get(place.above, place.above), []).append(place)
    return {name: group[0] for name, group in groups.items() if name and len(group) == 1}


def _alike(old: _Place, new: _Place) -> bool:
    """Whether two layers may have the same number of channels."""
    return new.channels is None or old.channels == new.channels


def _names_after(
    steps: Mapping[str, WeightStep], blobs: Mapping[str, Sequence[BlobShape]]
) -> set[str]:
    """Return the names of the layers with blobs in the weights as they will be."""
    names = set(blobs)
    for name, step in steps.items():
        names -= {name} if step.name else set()
        names -= {step.scale} if step.action is Action.MERGE or step.scale_name else set()
    for name, step in steps.items():
        names.add(step.name or name)
        if step.scale and step.action is not Action.MERGE:
            names.add(step.scale_name or step.scale)
    return names


def _listed(names: Sequence[str]) -> str:
    return listed([f"'{name}'" for name in names], _MOST_NAMES)
