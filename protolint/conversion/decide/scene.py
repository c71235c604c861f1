"""A net, the dialect it is converted to, and what a planner asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from protolint.caffe.batchnorm import Affine
from protolint.caffe.dialect import Dialect
from protolint.conversion.decide.affine import CONVOLUTION, SCALE, is_depthwise
from protolint.conversion.decide.memory import Memory, is_added, recall
from protolint.conversion.decide.step import PlanOptions
from protolint.conversion.notes import Note
from protolint.conversion.refusal import Refusal
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.layers.states import NetState
from protolint.names import Names
from protolint.net.learning import learners, may_train
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.pairing import Pairing, Sharing, pair_of, sharing
from protolint.net.rename import rename_top
from protolint.net.shapes import shapes
from protolint.net.view import View

__all__ = ["Scene"]


class Scene:
    """What is known of a net, its target and the choices.

    `layer_names` and `blob_names` are the books of names; what a plan adds is entered there.
    """

    def __init__(self, net: Net, target: Dialect, choices: PlanOptions) -> None:
        self.net = net
        self.target = target
        self.choices = choices
        self.groups: dict[str, list[Layer]] = {}
        for layer in net.batchnorms:
            self.groups.setdefault(layer.name, []).append(layer)
        self.notes: list[Note] = []
        self.refusals: list[Refusal] = []
        self.layer_names = Names({layer.name for layer in net.layers} | choices.taken)
        self.blob_names = Names(net.blob_names)

    def note(self, note: Note) -> None:
        """Report something."""
        self.notes.append(note)

    def refuse(self, refusal: Refusal) -> None:
        """Report why the net cannot be converted."""
        self.refusals.append(refusal)

    @property
    def has_scale(self) -> bool:
        """Whether the target has Scale layers."""
        return self.target.has_scale_layer

    @property
    def convolves(self) -> bool:
        """Whether convolutions take the place of Scale layers that the target lacks."""
        return self.choices.convolves and not self.has_scale

    @property
    def affine_type(self) -> str:
        """The type of layer that holds a gamma and beta in the target."""
        return CONVOLUTION if self.convolves else SCALE

    @cached_property
    def _sharing(self) -> Sharing:
        return sharing(self.net)

    @cached_property
    def _all_views(self) -> tuple[View, ...]:
        """The net in states that it is not meant for, for layers that only those have."""
        stages = {
            stage
            for layer in self.net.layers
            for rule in (*layer.include, *layer.exclude)
            for stage in rule.stages
        }
        choices = [frozenset[str](), *(frozenset({stage}) for stage in sorted(stages))]
        states = [NetState(phase, some) for phase in (TRAIN, TEST) for some in choices]
        return tuple(View(state, self.net.layers, self.net.inputs) for state in states)

    def views_of(self, layer: Layer) -> Sequence[View]:
        """Return the views that keep a layer; for one that no view keeps, those of other states."""
        return self.net.views_of(layer) or [view for view in self._all_views if layer in view]

    def shape_of(self, view: View, layer: Layer) -> Shape:
        """Return the shape of a layer's first bottom."""
        bottom = view.bottom(layer)
        return UNKNOWN if bottom is None else shapes(self.net, view).get(bottom, UNKNOWN)

    def axes(self, layer: Layer) -> int | None:
        """Return the number of axes of a layer's bottom, if known and the target asks for it."""
        if self.target.least_axes <= 1 and "CUDNN" not in self.target.engines:
            return None
        found = (self.shape_of(view, layer).axes for view in self.views_of(layer))
        return next((axes for axes in found if axes is not None), None)

    def channels(self, layers: Sequence[Layer]) -> int | None:
        """Return the number of channels of a BatchNorm, if it is known."""
        found = (
            self.shape_of(view, layer).channels for layer in layers for view in self.views_of(layer)
        )
        known = next((channels for channels in found if channels is not None), None)
        return self.choices.channels.get(layers[0].name) if known is None else known

    def pairing(self, layers: Sequence[Layer]) -> Pairing:
        """Return the Scale layer behind a BatchNorm."""
        shared = {} if layers[0].name in self.choices.were_one else self._sharing
        return pair_of(layers, self.views_of, self.shape_of, shared, self.is_scale)

    def is_scale(self, layer: Layer) -> bool:
        """Whether a layer is a Scale layer, or a convolution in the place of one."""
        if self.choices.depthwise is not None:
            return layer.type == SCALE or self.choices.depthwise(layer)
        return layer.type == SCALE or is_depthwise(layer, self.net.source)

    def follows(self, scale: Layer, layer: Layer) -> bool:
        """Whether a Scale layer reads what this variant of the BatchNorm writes."""
        return any(scale in view.readers(layer) for view in self.views_of(layer))

    def memory(self, layers: Sequence[Layer]) -> Memory | None:
        """Return what an earlier conversion has left to remember of a BatchNorm."""
        for layer in layers:
            known = self.choices.recall
            found = recall(self.net.source, layer.node) if known is None else known(layer)
            if found is not None:
                return found
        return None

    def global_stats(self, layer: Layer) -> bool | None:
        """Return what use_global_stats says where the source obeys it, else None."""
        param = layer.parameter("batch_norm_param")
        given = param is not None and "use_global_stats" in param
        if param is None or not given or self.net.traits(layer).kind.ignores_global_stats:
            return None
        return param.flag("use_global_stats")

    def is_trained(self, layer: Layer) -> bool:
        """Whether the layer runs in a net that has a loss, or may have one."""
        return any(may_train(self.net, view) for view in self.net.views_of(layer, TRAIN))

    def spoils_gradient(self, layer: Layer, engine: str) -> bool:
        """Whether stored statistics in training give layers above a wrong gradient (BN028)."""
        spoils = self.target.engines[engine].stored_statistics_spoil_gradient
        for view in self.net.views_of(layer, TRAIN) if spoils else ():
            bottom = view.bottoms[layer.index][0]
            if bottom is not None and learners(self.net, view).get(bottom) is not None:
                return True
        return False

    def trains(self, layers: Sequence[Layer]) -> bool:
        """Whether a BatchNorm is active in training."""
        return any(self.net.is_active(layer, TRAIN) for layer in layers)

    def learns_affine(self, name: str) -> bool:
        """Whether training moves the gamma or beta of a BatchNorm."""
        for layer in self.groups.get(name, ()):
            traits = self.net.traits(layer)
            if not self.net.is_active(layer, TRAIN) or traits.kind.affine is Affine.NEVER:
                continue
            for role, i in ((role, i) for i, role in enumerate(traits.blobs)):
                given = layer.params[i].lr_mult if i < len(layer.params) else 1.0
                if role in ("gamma", "beta") and given != 0:
                    return True
        return False

    def added_around(self, layer: Layer, scale: Layer | None) -> tuple[int, int] | None:
        """Return the two Reshape layers that an earlier conversion put around a BatchNorm."""
        for view in self.views_of(layer):
            bottom = view.bottoms[layer.index][0]
            before = bottom.producer if bottom is not None else None
            if bottom is None or before is None or bottom.readers != [layer]:
                continue
            last = layer
            readers = view.readers(layer)
            if len(readers) == 1 and (readers[0] is scale or self.is_scale(readers[0])):
                last = readers[0]
                readers = view.readers(last)
            after = readers[0] if len(readers) == 1 else None
            if after is not None and self._is_added(before) and self._is_added(after):
                return before.index, after.index
        return None

    def _is_added(self, layer: Layer) -> bool:
        return layer.type == "Reshape" and is_added(self.net.source, layer.node)

    # Names.

    def template_name(self, batchnorm: str) -> str:
        """Return the name a new Scale layer gets by the template."""
        return self.choices.scale_name.replace("{bn}", batchnorm)

    def can_rename(self, layer: Layer) -> bool:
        """Whether what an in-place layer writes can have a name of its own."""
        return rename_top(self.net, layer, 0, "new") is not None
