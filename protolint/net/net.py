"""A whole net: its layers in current terms, the kind of net it is, and its views."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Protocol

from protolint.caffe.binder import Message
from protolint.caffe.build import STANDARD, Build
from protolint.caffe.dialect import Dialect
from protolint.layers.batchnorm import BatchNormTraits, batchnorm_traits
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Fault
from protolint.layers.shape import Shape
from protolint.layers.states import NetState
from protolint.net.settled import Alike, Settled, Table, alike_in
from protolint.net.solver_parameter import SolverParameter
from protolint.net.view import View
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.tree import Block

__all__ = ["ALONE", "NO_FILE", "Net", "NetFile", "Relatives"]

TRAIN, TEST = "TRAIN", "TEST"

_DIGITS_STAGES = frozenset({"train", "val", "deploy"})
_DIGITS_STATES = (
    NetState(TRAIN, frozenset({"train"})),
    NetState(TEST, frozenset({"val"})),
    NetState(TEST, frozenset({"deploy"})),
)
_index = attrgetter("index")
#: Each stage is a net of its own: the work on many would grow with their square.
_MOST_STAGES = 64
#: Layers without a bottom that feed a net with constants, not with data.
_CONSTANTS = frozenset({"Input", "Parameter", "DummyData"})


class NetFile(NamedTuple):
    """A net's file that a solver names: whether there is one, and the net that it holds.

    `elsewhere` is the path of a file that has only its last name, beside the solver; "" for
    none.
    """

    found: bool
    net: Net | None
    elsewhere: str = ""


class Relatives(Protocol):
    """The files around a net or a solver, opened when they are asked for."""

    def sibling(self, net: Net) -> Net | None:
        """Return the training net of a deploy net, or the other way round, if known."""

    def solver(self, net: Net) -> SolverParameter | None:
        """Return the solver that trains a net, if known."""

    def open_net(self, solver: SolverParameter, name: str) -> NetFile:
        """Return what is known of a file that a solver names."""

    def has_file(self, solver: SolverParameter, name: str) -> bool:
        """Return whether there is a file that a solver names."""


NO_FILE = NetFile(found=False, net=None)


class _Alone:
    """What is around a net of which only its own text is known: nothing."""

    def sibling(self, net: Net) -> Net | None:
        """Return None."""
        return None

    def solver(self, net: Net) -> SolverParameter | None:
        """Return None."""
        return None

    def open_net(self, solver: SolverParameter, name: str) -> NetFile:
        """Return that there is no such file."""
        return NO_FILE

    def has_file(self, solver: SolverParameter, name: str) -> bool:
        """Return that there is no such file."""
        return False


ALONE = _Alone()


class Net:
    """A NetParameter, as one dialect would build it.

    `inline` says that the net stands inside a solver, where Caffe does not upgrade it.
    `relatives` are the files around it (protolint.workspace.relatives). `misfits` are the
    places, in order, of what was left out because it does not fit the schema.
    """

    def __init__(
        self,
        message: Message,
        dialect: Dialect,
        source: Source,
        *,
        build: Build = STANDARD,
        inline: bool = False,
        relatives: Relatives = ALONE,
        misfits: Sequence[int] = (),
    ) -> None:
        self.message = message
        self.dialect = dialect
        self.source = source
        self.build = build
        self.inline = inline
        self._traits: dict[int, BatchNormTraits] = {}
        #: By the layer's index: bottoms that it was set up on, and the tops it made of them.
        self.shapes_made: dict[int, tuple[tuple[Shape, ...], tuple[Shape, ...]]] = {}
        self._relatives = relatives
        self._other_views: dict[NetState, View] = {}
        self._misfits = misfits
        #: What protolint.net.init found out, kept here for all views.
        self.settled: dict[Table, dict[int, Settled]] = {}
        self.faults: list[tuple[Fault, list[NetState]]] | None = None
        self.fault_kinds: frozenset[str] | None = None
        #: The BatchNorms whose statistics the weights at hand have broken, by their names.
        self.broken_statistics: frozenset[str] = frozenset()
        self.inputs = list(message.texts("input"))
        sized = "input_dim" in message or "input_shape" in message
        if not sized and not dialect.keeps_inputs_without_shape:
            # UpgradeNetInput drops inputs without a shape (upgrade_proto.cpp, not in 0.14).
            self.inputs = []

    @cached_property
    def alike(self) -> Alike:
        """What is known of layers that are written as some of this net (net/facts.py)."""
        build = self.build
        return {} if build.schema is not None else alike_in((self.dialect.name, build, self.inline))

    @property
    def custom_types(self) -> frozenset[str]:
        """Layer types that the user's own Caffe has."""
        return self.build.layer_types

    @property
    def fine_tunes(self) -> bool:
        """Whether training starts from loaded weights: the user or the solver says so."""
        return self.build.fine_tunes or (self.solver is not None and self.solver.fine_tunes)

    @cached_property
    def sibling(self) -> Net | None:
        """The training net of a deploy net or the deploy net of a training net, if known."""
        return self._relatives.sibling(self)

    @cached_property
    def solver(self) -> SolverParameter | None:
        """The solver that trains this net, if it is known."""
        return self._relatives.solver(self)

    @cached_property
    def layers(self) -> list[Layer]:
        """Every layer, all states, in file order.

        A file that mixes `layer` and `layers` has both here; Caffe would refuse it.
        """
        layers = [
            Layer(value, node, legacy=legacy)
            for field, legacy in (("layers", True), ("layer", False))
            for value, node in self.message.values.get(field, ())
            if isinstance(value, Message) and isinstance(node, Block)
        ]
        if "layers" in self.message:
            layers.sort(key=lambda layer: layer.node.start)
            if any(layer.type == "padding" for layer in layers if layer.generation == 0):
                layers = _without_padding(layers)
        for index, layer in enumerate(layers):
            layer.index = index
        return layers

    @cached_property
    def is_stage_net(self) -> bool:
        """Whether any layer's rules speak of stages (the DIGITS all-in-one form)."""
        return bool(self._stages)

    @cached_property
    def _stages(self) -> frozenset[str]:
        return frozenset(
            stage
            for layer in self.layers
            if layer.include or layer.exclude
            for rule in (*layer.include, *layer.exclude)
            for stage in (*rule.stages, *rule.not_stages)
        )

    @cached_property
    def _data_layers(self) -> list[Layer]:
        return [
            layer
            for layer in self.layers
            if not layer.bottom_names and layer.top_names and layer.type not in _CONSTANTS
        ]

    @cached_property
    def is_deploy(self) -> bool:
        """Whether the net declares its inputs and has no data and no loss layer."""
        declares = bool(self.inputs) or "Input" in self.by_type
        return (
            declares
            and not self._data_layers
            and not any(name.endswith("Loss") for name in self.by_type)
        )

    @cached_property
    def is_template(self) -> bool:
        """Whether DIGITS is to complete the net: a data layer does not say its source.

        DIGITS writes `source`, and `num_output` of an InnerProduct without one
        (digits/model/tasks/caffe_train.py of NVIDIA/DIGITS).
        """
        return any(
            not (param.text("source") if (param := layer.parameter("data_param")) else "")
            for layer in self.of_types(("Data",))
        )

    @cached_property
    def states(self) -> tuple[NetState, ...]:
        """The states the net is meant to be built for.

        A deploy net: TEST. A net by DIGITS stages: train, val and deploy; by other stages:
        TRAIN, and TEST with each stage alone, of the first 64. Any other net: the phases it has
        data for.
        """
        if self.is_stage_net:
            if self._stages <= _DIGITS_STAGES:
                return _DIGITS_STATES
            return (NetState(TRAIN), *self._stage_states[:_MOST_STAGES])
        if self.is_deploy:
            return (NetState(TEST),)
        both = (NetState(TRAIN), NetState(TEST))
        sources = [*self.of_types(("Input",)), *self._data_layers]
        if self.inputs or not sources:
            return both
        fed = tuple(state for state in both if any(s.is_kept(state) for s in sources))
        return fed or both

    @cached_property
    def _stage_states(self) -> list[NetState]:
        return [NetState(TEST, frozenset({stage})) for stage in sorted(self._stages)]

    @property
    def left_out(self) -> list[NetState]:
        """The states of further stages, which `states` has not."""
        if not self.is_stage_net or self._stages <= _DIGITS_STAGES:
            return []
        return self._stage_states[_MOST_STAGES:]

    @cached_property
    def views(self) -> tuple[View, ...]:
        """The net in each of its states.

        In the deploy state of a DIGITS net that declares no input the blob `data` is one:
        DIGITS adds it when it writes the deploy file (NVIDIA/DIGITS#601).
        """
        found: list[View] = []
        for state in self.states:
            found.append(View(state, self.layers, self._inputs_in(state), found))
        return tuple(found)

    @cached_property
    def misfit_layers(self) -> frozenset[int]:
        """The indices of the layers in which something does not fit the schema and is left out."""
        misfits = self._misfits
        return frozenset(
            layer.index
            for layer in (self.layers if misfits else ())
            if bisect_left(misfits, layer.node.start) < bisect_left(misfits, layer.node.end)
        )

    @property
    def misfit(self) -> Span:
        """Where the first field is that does not fit the schema."""
        start = self._misfits[0]
        return Span(start, start + 1)

    @property
    def has_misfits(self) -> bool:
        """Whether something in the net does not fit the schema."""
        return bool(self._misfits)

    def view_in(self, state: NetState) -> View:
        """Return the net in any state, whether it is meant for it or not."""
        for view in self.views:
            if view.state == state:
                return view
        found = self._other_views.get(state)
        if found is None:
            found = self._other_views[state] = View(
                state, self.layers, self._inputs_in(state), self.views
            )
        return found

    def _inputs_in(self, state: NetState) -> list[str]:
        if self.inputs or state != _DIGITS_STATES[2]:
            return self.inputs
        fed = any(not layer.bottom_names and layer.is_kept(state) for layer in self.layers)
        return [] if fed else ["data"]

    def views_of(self, layer: Layer, phase: str | None = None) -> list[View]:
        """Return the views that keep a layer, of one phase or of both."""
        if not (layer.include or layer.exclude or "phase" in layer.message):
            # Nearly every layer, asked for by many rules: it is in every view.
            return self._views_by_phase[phase]
        return [
            view
            for view in self.views
            if layer in view and (phase is None or layer.runs_as(view.state) == phase)
        ]

    def keeps(self, layer: Layer) -> bool:
        """Return whether some view keeps a layer."""
        return bool(self.views_of(layer))

    @cached_property
    def _views_by_phase(self) -> dict[str | None, list[View]]:
        views = self.views
        return {
            None: list(views),
            **{phase: [v for v in views if v.state.phase == phase] for phase in (TRAIN, TEST)},
        }

    def is_active(self, layer: Layer, phase: str) -> bool:
        """Whether the layer runs in a phase in some state of the net."""
        return any(layer in view and layer.runs_as(view.state) == phase for view in self.views)

    @cached_property
    def blob_names(self) -> frozenset[str]:
        """Every name that is used for a blob."""
        blobs = (blob for layer in self.layers for blob in (*layer.bottoms, *layer.tops))
        return frozenset([*self.inputs, *(blob.name for blob in blobs)])

    @cached_property
    def by_type(self) -> dict[str, list[Layer]]:
        """The layers of each type, in file order."""
        found: dict[str, list[Layer]] = {}
        for layer in self.layers:
            found.setdefault(layer.type, []).append(layer)
        return found

    def of_types(self, types: Iterable[str]) -> list[Layer]:
        """Return the layers of some types, in file order."""
        groups = [self.by_type[name] for name in types if name in self.by_type]
        if len(groups) == 1:
            return groups[0]
        return sorted((layer for group in groups for layer in group), key=_index)

    @cached_property
    def batchnorms(self) -> list[Layer]:
        """The layers of type BatchNorm."""
        return self.of_types(("BatchNorm",))

    def _has_scale(self, batchnorm: Layer) -> bool:
        """Return whether the first reader of a BatchNorm is a Scale that has one bottom."""
        readers = (view.readers(batchnorm)[:1] for view in self.views_of(batchnorm))
        return any(r.type == "Scale" and len(r.bottoms) == 1 for first in readers for r in first)

    def traits(self, batchnorm: Layer) -> BatchNormTraits:
        """Which implementation runs a BatchNorm layer and which blobs it has."""
        found = self._traits.get(batchnorm.index)
        if found is None:
            alone = not (self.dialect.merges_scale and self._has_scale(batchnorm))
            found = batchnorm_traits(
                batchnorm, self.dialect, with_cudnn=self.build.cudnn, alone=alone
            )
            self._traits[batchnorm.index] = found
        return found


def _without_padding(layers: list[Layer]) -> list[Layer]:
    """V0 layers with each padding layer merged into its reader (UpgradeV0PaddingLayers)."""
    padded: dict[str, Layer] = {}
    kept: list[Layer] = []
    for layer in layers:
        above = padded.get(layer.bottoms[0].name) if layer.bottoms else None
        if above is not None:
            inner = above.message.message("layer")
            layer.padding = inner.integer("pad") if inner is not None else 0
        layer.read(
            [
                padded[bottom.name].bottoms[0]
                if bottom.name in padded and padded[bottom.name].bottoms
                else bottom
                for bottom in layer.bottoms
            ]
        )
        for top in layer.tops:
            padded.pop(top.name, None)
        if layer.generation == 0 and layer.type == "padding":
            padded.update((top.name, layer) for top in layer.tops)
            continue
        kept.append(layer)
    return kept
