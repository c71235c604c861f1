"""Which BatchNorm and Scale layers can be folded into the layer above, and why others cannot.

In TEST a BatchNorm with stored statistics, and a Scale, multiply each channel by a number and add
another. A convolution, a deconvolution, an inner product or a Scale above can do both with
weights and a bias of its own, if nothing sees the blob between.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.layers.fields import flag, integer
from protolint.layers.layer import Layer
from protolint.net.net import TEST, Net
from protolint.net.pairing import sharing
from protolint.net.view import View
from protolint.record import NamedTuple

__all__ = ["Fold", "FoldPlan", "NotFolded", "plan_folds"]

#: The types that are folded into, with the message that says their axis and bias.
PARAMETERS = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
    "Scale": "scale_param",
}


class Fold(NamedTuple):
    """A layer, and the BatchNorm and Scale layers behind it that it takes in, in order."""

    above: Layer
    taken: tuple[Layer, ...]

    @property
    def adds_bias(self) -> bool:
        """Whether the layer above gets a bias that it did not have."""
        usual = self.above.type != "Scale"
        return not flag(self.above, PARAMETERS[self.above.type], "bias_term", usual)


class NotFolded(NamedTuple):
    """A BatchNorm, or a Scale behind a layer with weights, that stays, and why."""

    layer: Layer
    reason: str


class FoldPlan(NamedTuple):
    """What is folded in one view of a net, and what is not."""

    folds: tuple[Fold, ...]
    kept: tuple[NotFolded, ...]


def plan_folds(net: Net, view: View) -> FoldPlan:
    """Return what can be folded in a view of a net, as far as the text decides it."""
    return _Planner(net, view).plan()


class _Planner:
    def __init__(self, net: Net, view: View) -> None:
        self.net, self.view = net, view
        self.shared = sharing(net)
        self.names: dict[str, int] = {}
        for layer in view.layers:
            self.names[layer.name] = self.names.get(layer.name, 0) + 1

    def plan(self) -> FoldPlan:
        """Return the plan: each layer with weights takes in what follows it, one by one."""
        folds: list[Fold] = []
        kept: list[NotFolded] = []
        taken: set[int] = set()
        for layer in self.view.layers:
            if layer.type not in PARAMETERS or layer.index in taken:
                continue
            own: list[Layer] = []
            last = layer
            while (candidate := self._behind(last)) is not None:
                reason = next(self._objections(layer, last, candidate), "")
                if reason:
                    kept.append(NotFolded(candidate, reason))
                    break
                own.append(candidate)
                last = candidate
            taken.update(one.index for one in own)
            if own:
                folds.append(Fold(layer, tuple(own)))
        known = taken | {one.layer.index for one in kept}
        rest = [one for one in self.view.layers if one.type == "BatchNorm"]
        kept += [NotFolded(one, self._without_above(one)) for one in rest if one.index not in known]
        return FoldPlan(tuple(folds), tuple(kept))

    def _behind(self, layer: Layer) -> Layer | None:
        """Return the BatchNorm or Scale that reads a layer's top, the first one."""
        if len(layer.tops) != 1:
            return None
        for reader in self.view.readers(layer):
            if _is_affine(reader):
                return reader
        return None

    def _without_above(self, layer: Layer) -> str:
        above = self.view.bottom(layer)
        producer = above.producer if above is not None else None
        if producer is not None and producer.type in PARAMETERS:
            return f"'{producer.name}' has {len(producer.tops)} tops"
        what = f"'{producer.name}', a {producer.type}," if producer is not None else "an input"
        below = next((r for r in self.view.readers(layer) if r.type in PARAMETERS), None)
        text = f"{what} is above it, which has no weights to take it in"
        if below is not None and below.type == "Convolution" and _pads(below):
            text += f"; '{below.name}' below pads with zeros that it would no longer shift"
        return text

    def _objections(self, above: Layer, last: Layer, layer: Layer) -> Iterator[str]:
        """Yield why a layer cannot be taken in by the one above; `last` is what it reads."""
        view = self.view
        (between,) = view.tops[last.index]
        other = next((r for r in between.readers if r is not layer), None)
        if other is not None:
            yield f"'{other.name}' reads '{between.name}' as well"
        for one in (above, layer):
            name = self._shared_name(one)
            if name:
                yield f"'{one.name}' shares the blob '{name}' with another layer"
            if self.names[one.name] > 1:
                yield f"two layers are called '{one.name}', and share their weights by name"
        if len(above.bottoms) != 1:
            yield f"'{above.name}' has {len(above.bottoms)} bottoms"
        axis = integer(above, PARAMETERS[above.type], "axis", 1)
        if axis != 1:
            yield f"'{above.name}' has its channels on axis {axis}, not 1"
        if layer.type == "Scale":
            axis = integer(layer, "scale_param", "axis", 1)
            if axis != 1:
                yield f"it scales along axis {axis}, not 1"
        elif layer.runs_as(view.state) != TEST:
            yield "it runs as in TRAIN, by the statistics of each batch"
        elif layer.batchnorm.use_global_stats is False and self._obeys(layer):
            yield "it normalises by each batch (use_global_stats: false)"

    def _obeys(self, layer: Layer) -> bool:
        return not self.net.traits(layer).kind.ignores_global_stats

    def _shared_name(self, layer: Layer) -> str:
        names = (param.name for param in layer.params)
        return next((name for name in names if name in self.shared), "")


def _is_affine(layer: Layer) -> bool:
    return layer.type == "BatchNorm" or (layer.type == "Scale" and len(layer.bottoms) == 1)


def _pads(layer: Layer) -> bool:
    param = layer.parameter("convolution_param")
    names = ("pad", "pad_h", "pad_w")
    return param is not None and any(any(param.integers(name)) for name in names)
