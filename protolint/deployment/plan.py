"""What stays of a net in one state when it is to be deployed, and what becomes an input."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.layers.losses import MEASURES, PREDICTIONS
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View
from protolint.record import NamedTuple

__all__ = ["DeployPlan", "is_loss", "plan_deploy"]

_CONSTANTS = frozenset({"Parameter"})
#: Of these the first bottom is no prediction.
_WITHOUT_PREDICTION = frozenset({"HDF5Output", "Silence"})


class DeployPlan(NamedTuple):
    """What becomes of the layers of a view.

    `predictions` are the loss layers that become what they work out of their first bottom, each
    with the name of the blob it writes then; `removed` all that go. `inputs` are the versions
    that are fed from outside. `renamed` gives blobs the name of the blob that a layer which went
    passed on, by version.
    """

    removed: frozenset[int]
    predictions: dict[int, str]
    inputs: tuple[BlobVersion, ...]
    renamed: dict[BlobVersion, str]
    missing: tuple[str, ...]


def is_loss(layer: Layer) -> bool:
    """Whether a layer makes a loss: a type that is known to, or is called so."""
    known = ALL_TYPES.get(layer.type)
    return layer.type.endswith("Loss") if known is None else known.is_loss


def plan_deploy(net: Net, view: View) -> DeployPlan:
    """Return what a deploy net keeps of a view.

    Layers that make a loss, measure or print go; a loss that works out a prediction becomes that
    prediction, unless another layer works it out of the same blob. Data layers become inputs;
    what only losses read of them, and layers that work on nothing else, go. Dropout goes where
    the blob that it passes on can take its place.
    """
    return _Planner(net, view).plan()


class _Planner:
    def __init__(self, net: Net, view: View) -> None:
        self.net, self.view = net, view
        self.removed: set[int] = set()
        self.predictions: dict[int, str] = {}
        self.renamed: dict[BlobVersion, str] = {}

    def plan(self) -> DeployPlan:
        """Return the plan."""
        view = self.view
        sources = [layer for layer in view.layers if self._is_source(layer)]
        ends = [layer for layer in view.layers if is_loss(layer) or layer.type in MEASURES]
        self.removed = {layer.index for layer in (*sources, *ends)}
        labels = self._labels(sources)
        self._predictions(ends, labels)
        inputs = [v for v in view.inputs if self._is_read(v)]
        for layer in sources:
            inputs += [v for v in view.tops[layer.index] if v not in labels and self._is_read(v)]
        for layer in view.layers:
            if layer.type == "Dropout" and layer.index not in self.removed:
                self._dropout(layer)
        missing = dict.fromkeys(
            layer.bottoms[i].name for layer, i in view.missing if layer.index not in self.removed
        )
        return DeployPlan(
            frozenset(self.removed), self.predictions, tuple(inputs), self.renamed, tuple(missing)
        )

    def _is_source(self, layer: Layer) -> bool:
        return bool(layer.tops) and not layer.bottoms and layer.type not in _CONSTANTS

    def _is_read(self, version: BlobVersion) -> bool:
        """Whether a layer that stays reads a version, or a prediction is made of it."""
        return any(
            reader.index not in self.removed
            or (reader.index in self.predictions and self.view.bottom(reader) is version)
            for reader in version.readers
        )

    def _labels(self, sources: Iterable[Layer]) -> set[BlobVersion]:
        """Return what only losses and measures read in the end, and take out the layers between."""
        labels: set[BlobVersion] = set()
        for source in sources:
            for version in self.view.tops[source.index]:
                between = self._only_measured(version)
                if between is not None:
                    labels.add(version)
                    self.removed |= between
        return labels

    def _only_measured(self, version: BlobVersion) -> set[int] | None:
        """Return the layers between a blob and the losses that alone need it; None if others do.

        The first bottom of a loss is its prediction, not its truth.
        """
        between: set[int] = set()
        open_versions, seen = [version], {version}
        while open_versions:
            current = open_versions.pop()
            for reader in current.readers:
                if reader.index in self.removed:
                    if reader.type not in _WITHOUT_PREDICTION and self._is_first(reader, current):
                        return None
                    continue
                mixed = any(v not in seen for v in self.view.bottoms[reader.index])
                if mixed or self._learns(reader):
                    return None
                between.add(reader.index)
                new = [v for v in self.view.tops[reader.index] if v not in seen]
                if any(not v.readers for v in new):
                    return None
                seen.update(new)
                open_versions += new
        return between

    def _is_first(self, reader: Layer, version: BlobVersion) -> bool:
        return self.view.bottom(reader) is version

    def _learns(self, layer: Layer) -> bool:
        """Whether a layer has, or may have, blobs of its own."""
        known = ALL_TYPES.get(layer.type)
        return known is None or known.learnable

    def _predictions(self, ends: Iterable[Layer], labels: set[BlobVersion]) -> None:
        """Make predictions of losses, one for each blob that has none yet."""
        losses = [layer for layer in ends if layer.type in PREDICTIONS]
        made: dict[tuple[BlobVersion, str], Layer] = {}
        for layer in self.view.layers:
            bottom = self.view.bottom(layer)
            if bottom is not None and layer.index not in self.removed:
                made.setdefault((bottom, layer.type), layer)
        taken = set(self.net.blob_names) | {layer.name for layer in self.net.layers}
        for layer in losses:
            bottom = self.view.bottom(layer)
            if bottom is None or bottom in labels:
                continue
            kind = PREDICTIONS[layer.type]
            if (bottom, kind) in made:
                continue
            made[bottom, kind] = layer
            name = "prob" if "prob" not in taken else layer.name
            taken.add(name)
            self.predictions[layer.index] = name

    def _dropout(self, layer: Layer) -> None:
        """Take a Dropout out where its bottom can take the place of its top."""
        bottom = self.view.bottom(layer)
        if bottom is None or len(layer.tops) != 1 or len(layer.bottoms) != 1:
            return
        if layer.runs_as(self.view.state) != "TEST":
            return
        (top,) = self.view.tops[layer.index]
        chain = self._chain(top)
        name = self.renamed.get(bottom, bottom.name)
        if top.name != bottom.name:
            changed = len(chain) > 1
            alone = all(reader is layer for reader in bottom.readers)
            later = any(
                written.name == name and written not in chain
                for other in self.view.layers
                if other.index > layer.index
                for written in self.view.tops[other.index]
            )
            if later or (changed and not alone):
                return
        self.removed.add(layer.index)
        if name != top.name:
            self.renamed.update(dict.fromkeys(chain, name))

    def _chain(self, version: BlobVersion) -> list[BlobVersion]:
        """Return a version and those that layers in place make of it."""
        found = [version]
        for layer in self.view.layers:
            for top in self.view.tops[layer.index]:
                if top.overwritten is found[-1]:
                    found.append(top)
        return found
