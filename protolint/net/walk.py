"""Net::Init as a walk over the layers of a net in one state.

The walk goes in Caffe's order and goes on after a fault: what cannot be known then is
unknown. Source: src/caffe/net.cpp, insert_splits.cpp, include/caffe/layer.hpp @ BVLC master,
NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.counts import check_counts
from protolint.layers.layer import Layer
from protolint.layers.setup_check import LARGEST, Around, Fault, Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, product
from protolint.net.inputs import checked_inputs, input_span
from protolint.net.loss_weights import check_loss_weights
from protolint.net.net import Net
from protolint.net.param_blocks import ParamBlocks
from protolint.net.settled import Settled, table_in, written
from protolint.net.shapes import made_by
from protolint.net.view import BlobVersion, View, made_at, read_at, uses
from protolint.record import NamedTuple
from protolint.source import Span

__all__ = ["Construction", "Walk"]


class Construction(NamedTuple):
    """How building a net in one state ends.

    `faults` are what a Caffe would stop at, the first of them first; `builds` is None where
    something outside the text decides. `by_phase` is whether the phase counted for some layer.
    """

    faults: tuple[Fault, ...]
    builds: bool | None
    shapes: dict[BlobVersion, Shape]
    by_phase: bool = False


#: Layers whose batches solvers on several GPUs share out (divide_batch_size).
_BATCHES = ("Data", "ImageData", "HDF5Data", "WindowData", "MemoryData")
#: Faults that follow from what is written, and not from what is not there.
_WRITTEN = (Kind.COUNT, Kind.KERNEL, Kind.STATISTICS)


class Walk:
    """One pass over the layers of a view, with what is known so far."""

    def __init__(self, net: Net, view: View) -> None:
        self.net = net
        self.view = view
        self.types = net.dialect.layer_types
        #: What the versions so far are; what nothing produces is not known.
        self.shapes: dict[BlobVersion | None, Shape] = {None: UNKNOWN}
        self.shape_of = self.shapes.__getitem__
        self.text = net.source.data
        self.input_shapes, self.input_faults = checked_inputs(net)
        self.params = ParamBlocks(net)
        self.faults: list[Fault] = []
        self.unsure = False
        self.by_phase = False
        #: The tops that exist already, by the index of the layer.
        self.clashing: dict[int, list[tuple[int, BlobVersion]]] = {}
        for layer, i, before in view.clashes:
            self.clashing.setdefault(layer.index, []).append((i, before))
        #: The layers of which more counts than how they are written.
        self.involved = net.misfit_layers
        if net.dialect.merges_scale:
            self.involved |= {layer.index for layer in net.batchnorms}
        #: The layers that others decide about: whose bottoms are missing, or whose tops exist.
        self.apart = {
            *self.clashing,
            *(layer.index for layer, _ in view.missing),
            *view.contested,
        }
        self.divided = net.dialect.building.divides_batches and any(
            layer in view for layer in net.of_types(_BATCHES)
        )
        self.around = Around(
            net.dialect, net.build, net.inline, net.is_template,
            net.message.integer("bn_stats_batch_size"),
        )  # fmt: skip
        self.table = table_in(net.alike, (self.around, self.divided))
        self.settled = net.settled.setdefault(self.table, {})

    def run(self) -> Construction:
        """Return what is found, in Caffe's order."""
        if "layers" in self.net.message and "layer" in self.net.message:
            if self.net.dialect.drops_layers_of_mixed_nets:
                self.unsure = True
            else:
                node = self.net.message.nodes_of("layer")[0]
                self.faults.append(Fault(Kind.GENERATIONS, None, node.span,
                                         "layer and layers in one file"))  # fmt: skip
        first = [*self._state_rules(), *self._unknown_bottoms()]
        if self.net.dialect.keeps_inputs_without_shape:
            first += self.input_faults
        else:
            # UpgradeNetInput comes before anything else.
            first = [*self.input_faults, *first]
        for version in self.view.inputs:
            self._input(version)
        for layer in self.view.layers:
            self._layer(layer)
        del self.shapes[None]
        faults = (*first, *self.faults)
        builds = False if faults else None if self.unsure else True
        shapes = cast("dict[BlobVersion, Shape]", self.shapes)
        return Construction(faults, builds, shapes, self.by_phase)

    # -- Before any layer is made.

    def _state_rules(self) -> list[Fault]:
        """Layers with both kinds of rules, whether they are in this state or not (FilterNet)."""
        return [
            Fault(
                Kind.STATE_RULES, layer, _first_exclude(layer),
                "include and exclude in one layer; keep one kind",
            )
            for layer in self.net.layers
            if layer.include and layer.exclude
        ]  # fmt: skip

    def _unknown_bottoms(self) -> list[Fault]:
        """Bottoms that no layer above makes; they are looked for before any layer is made."""
        return [
            Fault(
                Kind.UNKNOWN_BOTTOM, layer, layer.bottoms[i].span,
                f"bottom '{layer.bottoms[i].name}' does not exist",
            )
            for layer, i in self.view.missing
        ]  # fmt: skip

    def _input(self, version: BlobVersion) -> None:
        """Check that no empty input of the net is read by several layers."""
        found = self.shapes[version] = self.input_shapes.get(version.name, UNKNOWN)
        if 0 in found.dims and uses(version) > 1 and self.net.dialect.building.splits_no_empty:
            self.faults.append(
                Fault(
                    Kind.EMPTY, None, input_span(self.net),
                    f"the input '{version.name}' ({found}) is empty and is read more than once",
                    read_at(version),
                )
            )  # fmt: skip

    # -- One layer.

    def _layer(self, layer: Layer) -> None:
        index, shapes = layer.index, self.shapes
        versions = self.view.bottoms[index]
        bottoms = tuple(map(self.shape_of, versions))
        given: Hashable = None
        settled: Settled | None = None
        if index not in self.apart:
            settled = self.settled.get(index)
            if settled is None or settled.bottoms != bottoms:
                given = written(layer, self.text)
                if index in self.involved:
                    given = self._involved(layer, given)
                settled = self.table.settled.get((given, bottoms))
                if settled is not None:
                    self.settled[index] = settled
        sound = settled is None and given in self.table.sound
        if sound and self._is_neutral(layer, bottoms):
            settled = Settled(bottoms, bottoms * len(layer.top_names), False, True)
            self._settle(index, given, settled)
        if settled is not None and settled.alone:
            if settled.unsure:
                self.unsure = True
            tops = self.view.tops[index]
            if len(tops) == 1:
                shapes[tops[0]] = settled.tops[0]
            else:
                shapes.update(zip(tops, settled.tops, strict=True))
            return
        setup = SetupCheck(
            layer, bottoms, self.around, self.view.state, lambda i: made_at(self.view, versions[i])
        )
        known = sound or layer.type in self.types
        if not sound:
            self._gradient_switches(setup)
        if not known and layer.type not in self.net.custom_types:
            setup.fault(
                Kind.UNKNOWN_TYPE,
                f"{self.net.dialect.name} has no layer type '{layer.type}'",
                node=layer.type_node,
            )
        if index in self.view.in_place or index in self.clashing:
            setup.in_place = self._tops(setup)
        first = len(setup.faults)
        # What does not fit the schema is not there: nothing follows from its absence.
        readable = known and index not in self.net.misfit_layers
        if not readable or None in versions or first:
            setup.unsure = True
        if settled is not None:
            setup.tops, setup.unsure = settled.tops, settled.unsure
        elif known:
            self._demands(setup, sound=sound)
            if not readable:
                setup.faults[first:] = [
                    fault
                    for fault in setup.faults[first:]
                    if fault.kind in _WRITTEN and fault.span != layer.head
                ]
        broken = len(setup.faults) > first or None in versions or not readable
        self._finish(
            setup, first, readable=readable, broken=broken, given=given, sound=sound and not broken
        )
        self.faults += setup.faults
        self.unsure = self.unsure or setup.unsure

    @staticmethod
    def _is_neutral(layer: Layer, bottoms: tuple[Shape, ...]) -> bool:
        """Whether a layer gives its one bottom's shape on, and any will do."""
        kind = ALL_TYPES[layer.type]
        return (
            kind.check is None
            and kind.keeps_shape
            and len(bottoms) == 1
            and 0 not in bottoms[0].dims
        )

    def _finish(
        self, setup: SetupCheck, before: int, *, readable: bool, broken: bool, given: Hashable,
        sound: bool,
    ) -> None:  # fmt: skip
        """Check what comes after a layer's own set-up: its readers, loss weights and parameters."""
        unsure, asked_phase = setup.unsure, setup.asked_phase
        tops = self.view.tops[setup.layer.index]
        shapes = (UNKNOWN,) * len(tops) if broken else setup.tops
        empty = any(0 in shape.dims for shape in shapes)
        if empty and self.net.dialect.building.splits_no_empty:
            self._split(setup, tops)
        self.shapes.update(zip(tops, shapes, strict=True))
        alone = True
        if not sound:
            setup.unsure = False
            if readable and len(setup.faults) == before:
                check_loss_weights(setup, tops)
            if readable or setup.layer.type == "BatchNorm":
                alone = self.params.check(setup, broken=broken)
            sound = not setup.unsure
            setup.unsure = setup.unsure or unsure
        if asked_phase:
            self.by_phase = True
        elif given is not None and not setup.faults:
            alone = alone and not empty and "loss_weight" not in setup.layer.message.given
            unsure = setup.unsure if alone else unsure
            found = Settled(setup.bottoms, shapes, unsure, alone, not broken)
            if sound and alone and not broken:
                self.table.sound.add(given)
            self._settle(setup.layer.index, given, found)

    def _involved(self, layer: Layer, given: Hashable) -> Hashable:
        """Return how a layer is written, with what else counts; None where that is not known."""
        if layer.index in self.net.misfit_layers:
            return None if layer.node.model is None else ("misfit", given)
        return given, self.net.traits(layer).blobs

    def _settle(self, index: int, given: Hashable, found: Settled) -> None:
        """Keep for all layers that are written alike what one comes to."""
        self.table.settled[(given, found.bottoms)] = self.settled[index] = found

    def _demands(self, setup: SetupCheck, *, sound: bool) -> None:
        """Check what the layer's type demands, and the sizes of its tops."""
        faults = len(setup.faults)
        setup.tops = made_by(self.net, setup.layer, setup.bottoms)
        if not (sound or self.net.build.cudnn):
            self._engine(setup)
        if sound or check_counts(setup):
            check = ALL_TYPES[setup.layer.type].check
            if check is not None:
                check(setup)
            if len(setup.faults) == faults:
                for shape in setup.tops:
                    # What a bottom is has been checked where it was made.
                    if shape not in setup.bottoms:
                        self._sized(setup, shape)

    def _engine(self, setup: SetupCheck) -> None:
        """Check that the engine a layer names is in a build without cuDNN (layer_factory.cpp)."""
        parameters = ALL_TYPES[setup.layer.type].parameters
        message = setup.message(parameters[0]) if parameters else None
        if message is None or "engine" not in message.type.fields or "engine" not in message:
            return
        engine = message.text("engine")
        if engine not in ("CAFFE", "DEFAULT"):
            setup.fault(
                Kind.ENGINE,
                f"engine {engine} is not in this build; leave it out or write CAFFE",
                node=message.node_of("engine"),
            )

    def _split(self, setup: SetupCheck, tops: list[BlobVersion]) -> None:
        """Check that nothing empty is read by several layers."""
        for version, shape in zip(tops, setup.tops, strict=True):
            if 0 in shape.dims and uses(version) > 1:
                message = f"'{version.name}' ({shape}) is empty and is read more than once"
                layer = setup.layer
                setup.faults.append(Fault(Kind.EMPTY, layer, layer.head, message, read_at(version)))

    def _gradient_switches(self, setup: SetupCheck) -> None:
        layer = setup.layer
        given, bottoms = layer.message.given.get("propagate_down", ()), len(layer.bottom_names)
        if given and len(given) != bottoms:
            setup.fault(
                Kind.GRADIENT_SWITCHES, f"{len(given)} propagate_down for {bottoms} "
                "bottoms; give one for each, or none", node=layer.message.node_of("propagate_down"),
            )  # fmt: skip

    def _tops(self, setup: SetupCheck) -> frozenset[int]:
        """Check that no top exists already; return those that are bottoms, in place.

        A bottom that others read as well, or that is a loss, is a copy of its own by then
        (InsertSplits), so that a layer on it does not work in place.
        """
        layer = setup.layer
        in_place = set()
        for i, before in self.view.lost(layer):
            if uses(before) > 1:
                setup.fault(
                    Kind.DUPLICATE_TOP, f"'{before.name}' cannot be written in place: others read "
                    "it too", span=layer.tops[i].span,
                )  # fmt: skip
            else:
                in_place.add(i)
        for i, before in self.clashing.get(layer.index, ()):
            setup.fault(
                Kind.DUPLICATE_TOP, f"'{before.name}' is already written",
                span=layer.tops[i].span,
            )  # fmt: skip
        return frozenset(in_place)

    def _sized(self, setup: SetupCheck, shape: Shape) -> None:
        """Check a top as Blob::Reshape does."""
        if not shape.complete or None in shape.dims:
            return
        sizes = [size for size in shape.dims if size is not None]
        if self.divided and (product(sizes) or 0) > LARGEST:
            setup.unsure = True
            return
        setup.sized(sizes)


def _first_exclude(layer: Layer) -> Span:
    node = layer.exclude[0].message.node
    return node.span if node is not None else layer.head
