"""Net::Init as a walk: whether a Caffe builds a net in one state, and why not.

The walk goes in Caffe's order and goes on after a fault: what cannot be known then is
unknown. Source: src/caffe/net.cpp, insert_splits.cpp, include/caffe/layer.hpp @ BVLC master,
NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
"""

from __future__ import annotations

from collections.abc import Hashable

from protolint.diagnostic import Label
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.counts import check_counts
from protolint.layers.layer import Layer
from protolint.layers.setup_check import LARGEST, Fault, Kind, SetupCheck, size_problem
from protolint.layers.shape import UNKNOWN, Shape, product
from protolint.layers.states import NetState
from protolint.net.facts import fact
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.param_blocks import ParamBlocks
from protolint.net.settled import Settled, Table, table_for, written
from protolint.net.shapes import input_shapes, top_shapes
from protolint.net.view import BlobVersion, View
from protolint.record import NamedTuple
from protolint.source import Span

__all__ = [
    "Construction",
    "construction",
    "fault_kinds",
    "faults_of",
    "made_at",
    "state_of",
    "verdict",
    "verdicts",
]


class Construction(NamedTuple):
    """How building a net in one state ends.

    `faults` are what a Caffe would stop at, the first of them first; `builds` is None where
    something outside the text decides. `by_phase` is whether the phase counted for some layer.
    """

    faults: tuple[Fault, ...]
    builds: bool | None
    shapes: dict[BlobVersion, Shape]
    by_phase: bool = False


def faults_of(net: Net, *kinds: Kind) -> list[tuple[Fault, list[NetState]]]:
    """Return the faults of some kinds, with the states among those the net is meant for.

    What several states have in common is one fault.
    """
    return [entry for entry in _all_faults(net) if entry[0].kind in kinds]


def fault_kinds(net: Net) -> frozenset[str]:
    """Return the names of the kinds of which there are faults in the states of a net."""
    found = net.fault_kinds
    if found is None:
        found = net.fault_kinds = frozenset(fault.kind.name for fault, _ in _all_faults(net))
    return found


def _all_faults(net: Net) -> list[tuple[Fault, list[NetState]]]:
    found = net.faults
    if found is None:
        merged: dict[tuple[object, ...], tuple[Fault, list[NetState]]] = {}
        for view in net.views:
            for fault in construction(net, view).faults:
                layer = fault.layer
                key = (fault.kind, None if layer is None else layer.index, fault.span)
                states = merged.setdefault(key, (fault, []))[1]
                if view.state not in states:  # two faults of a kind may have one place
                    states.append(view.state)
        found = net.faults = list(merged.values())
    return found


def verdicts(net: Net) -> dict[str, bool | None]:
    """Return whether the net is built, for TRAIN and TEST or the states of its stages."""
    if net.is_stage_net:
        return {str(view.state): construction(net, view).builds for view in net.views}
    return {phase: verdict(net, state_of(net, phase)) for phase in (TRAIN, TEST)}


def state_of(net: Net, phase: str) -> NetState:
    """Return the state that a phase makes with the net's own `state`."""
    given = net.message.message("state")
    if given is None:
        return NetState(phase)
    return NetState(phase, frozenset(given.texts("stage")), given.integer("level"))


def verdict(net: Net, state: NetState) -> bool | None:
    """Return whether the net is built in a state; None where the text does not decide it."""
    return construction(net, net.view_in(state)).builds


@fact
def construction(net: Net, view: View) -> Construction:
    """Walk through Net::Init for one view; once for all that keep the same layers."""
    if view.twin is not None:
        before = construction(net, view.twin)
        if not before.by_phase:
            return before
    return _Walk(net, view).run()


#: Faults that follow from what is written, and not from what is not there.
_WRITTEN = (Kind.COUNT, Kind.KERNEL, Kind.STATISTICS)


class _Walk:
    """One pass over the layers of a view, with what is known so far."""

    def __init__(self, net: Net, view: View) -> None:
        self.net = net
        self.view = view
        self.types = net.dialect.layer_types
        self.shapes: dict[BlobVersion, Shape] = {}
        self.input_shapes = input_shapes(net)
        self.params = ParamBlocks(net)
        self.faults: list[Fault] = []
        self.unsure = False
        self.by_phase = False
        #: The tops that exist already, by the index of the layer.
        self.clashing: dict[int, list[tuple[int, BlobVersion]]] = {}
        for layer, i, before in view.clashes:
            self.clashing.setdefault(layer.index, []).append((i, before))
        #: Solvers on several GPUs share out the batches of data layers (divide_batch_size).
        self.divided = net.dialect.building.divides_batches and any(
            layer.type in ("Data", "ImageData", "HDF5Data", "WindowData", "MemoryData")
            for layer in view.layers
        )
        self.batch_of_statistics = net.message.integer("bn_stats_batch_size")
        self.table = self._table()
        #: What the layers of other states came to.
        self.before = net.settled.setdefault(self.divided, {})

    def _table(self) -> Table:
        """Return what is known of layers that are set up as those of this net."""
        net = self.net
        if net.build.schema is not None:
            return {}
        return table_for(
            (net.dialect.name, net.build, net.inline, net.is_template, self.batch_of_statistics,
             self.divided)
        )  # fmt: skip

    def run(self) -> Construction:
        """Return what is found, in Caffe's order."""
        if "layers" in self.net.message and "layer" in self.net.message:
            if self.net.dialect.drops_layers_of_mixed_nets:
                self.unsure = True
            else:
                node = self.net.message.nodes_of("layer")[0]
                self.faults.append(Fault(Kind.GENERATIONS, None, node.span,
                                         "layer and layers in one file"))  # fmt: skip
        inputs = self._inputs()
        first = [*self._state_rules(), *self._unknown_bottoms()]
        # UpgradeNetInput comes before anything else.
        first = (
            [*first, *inputs]
            if self.net.dialect.keeps_inputs_without_shape
            else [
                *inputs,
                *first,
            ]
        )
        for layer in self.view.layers:
            self._layer(layer)
        faults = (*first, *self.faults)
        builds = False if faults else None if self.unsure else True
        return Construction(faults, builds, self.shapes, self.by_phase)

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

    def _inputs(self) -> list[Fault]:
        """Check the net's own inputs, and note their shapes (UpgradeNetInput, NVIDIA 0.14)."""
        net = self.net
        message, names = net.message, net.inputs
        shapes, dims = message.messages("input_shape"), message.integers("input_dim")
        found: list[Fault] = []
        node = message.node_of("input")
        span = node.span if node is not None else Span(0, 0)
        strict = net.dialect.keeps_inputs_without_shape
        if strict and shapes and dims:
            found.append(Fault(Kind.INPUT, None, span, "input_shape and input_dim exclude each "
                               "other; keep input_shape"))  # fmt: skip
        elif not shapes and dims and names:
            wanted = 4 * len(names)
            if len(dims) < wanted or (strict and len(dims) != wanted):
                found.append(Fault(Kind.INPUT, None, span, f"{len(dims)} input_dim for "
                                   f"{len(names)} input; it takes four for each"))  # fmt: skip
        elif names and (len(shapes) < len(names) or (strict and len(shapes) != len(names))):
            found.append(Fault(Kind.INPUT, None, span, f"{len(shapes)} input_shape for "
                               f"{len(names)} input; it takes one for each"))  # fmt: skip
        elif strict and not names and shapes:
            found.append(Fault(Kind.INPUT, None, span, "input_shape without input"))
        elif strict and not names and dims:
            found.append(Fault(Kind.INPUT, None, span, "input_dim without input"))
        if len(set(names)) < len(names):
            found.append(Fault(Kind.DUPLICATE_TOP, None, span, "an input is given twice"))
        sized: list[list[int]] = [shape.integers("dim") for shape in shapes] or [
            dims[i : i + 4] for i in range(0, len(dims) - 3, 4)
        ]
        for name, size in zip(names, sized, strict=False):
            problem = size_problem(size, net.dialect)
            if problem is not None:
                kind, what = problem
                found.append(Fault(kind, None, span, f"input '{name}': {what}"))
                self.input_shapes[name] = UNKNOWN
        return found

    def _unknown_bottoms(self) -> list[Fault]:
        """Bottoms that no layer above makes; they are looked for before any layer is made."""
        return [
            Fault(
                Kind.UNKNOWN_BOTTOM, layer, layer.bottoms[i].span,
                f"bottom '{layer.bottoms[i].name}' does not exist",
            )
            for layer, i in self.view.missing
        ]  # fmt: skip

    # -- One layer.

    def _layer(self, layer: Layer) -> None:
        versions = self.view.bottoms[layer.index]
        shapes = self.shapes
        bottoms = [(one and shapes.get(one)) or self._shape(one) for one in versions]
        given, settled = self._settled(layer, versions, bottoms)
        if settled is not None and settled.alone:
            self.unsure = self.unsure or settled.unsure
            tops = self.view.tops[layer.index]
            if len(tops) == 1:
                shapes[tops[0]] = settled.tops[0]
            else:
                shapes.update(zip(tops, settled.tops, strict=True))
            return
        setup = self._setup(layer, bottoms, versions)
        self._gradient_switches(setup)
        known = layer.type in self.types
        if not known and layer.type not in self.net.custom_types:
            setup.fault(
                Kind.UNKNOWN_TYPE,
                f"{self.net.dialect.name} has no layer type '{layer.type}'",
                node=layer.type_node,
            )
        setup.in_place = self._tops(setup)
        before = len(setup.faults)
        # What does not fit the schema is not there: nothing follows from its absence.
        readable = known and not self.net.has_misfit(layer)
        if not readable or None in versions or before:
            setup.unsure = True
        if settled is not None:
            setup.tops, setup.unsure = settled.tops, settled.unsure
        elif known:
            self._demands(setup)
            if not readable:
                setup.faults[before:] = [
                    fault
                    for fault in setup.faults[before:]
                    if fault.kind in _WRITTEN and fault.span != layer.head
                ]
        broken = len(setup.faults) > before or None in versions or not readable
        self._finish(setup, before, readable=readable, broken=broken, given=given)
        self.faults += setup.faults
        self.unsure = self.unsure or setup.unsure

    def _finish(
        self, setup: SetupCheck, before: int, *, readable: bool, broken: bool, given: Hashable
    ) -> None:
        """Check what comes after a layer's own set-up: its readers, loss weights and parameters."""
        unsure, asked_phase = setup.unsure, setup.asked_phase
        tops = self.view.tops[setup.layer.index]
        if not broken and self.net.dialect.building.splits_no_empty:
            self._split(setup, tops)
        for i, version in enumerate(tops):
            self.shapes[version] = UNKNOWN if broken else setup.tops[i]
        alone = True
        if readable and len(setup.faults) == before:
            self._loss_weights(setup)
        if readable or setup.layer.type == "BatchNorm":
            alone = self.params.check(setup, broken=broken)
        if asked_phase:
            self.by_phase = True
        elif given is not None and not setup.faults:
            shapes = [UNKNOWN] * len(tops) if broken else setup.tops
            empty = any(0 in shape.dims for shape in shapes)
            alone = alone and not empty and "loss_weight" not in setup.layer.message.given
            found = Settled(shapes, setup.unsure if alone else unsure, alone, not broken)
            self.table[(given, tuple(setup.bottoms))] = found
            self._note(setup.layer, setup.bottoms, found)

    def _settled(
        self, layer: Layer, versions: list[BlobVersion | None], bottoms: list[Shape]
    ) -> tuple[Hashable, Settled | None]:
        """Return how a layer is written, and what one like it came to over the same bottoms.

        None for how it is written where other layers decide about it.
        """
        index, net = layer.index, self.net
        if None in versions or index in self.clashing:
            return None, None
        for _, lost in self.view.in_place.get(index, ()):
            if _uses(lost) > 1:
                return None, None
        before = self.before.get(index)
        if before is not None and before[0] == bottoms:
            return net.written[index], before[1]
        given = net.written.get(index, self)
        if given is self:
            given = net.written[index] = self._written(layer)
        if given is None:
            return None, None
        found = self.table.get((given, tuple(bottoms)))
        if found is not None:
            self._note(layer, bottoms, found)
        return given, found

    def _written(self, layer: Layer) -> Hashable:
        """Return how a layer is written; None where other things decide about it, too."""
        net = self.net
        found = written(layer, net.source.data)
        if net.has_misfit(layer):
            return None if layer.node.model is None else ("misfit", found)
        if layer.type == "BatchNorm" and net.dialect.merges_scale:
            return found, net.traits(layer).blobs
        return found

    def _note(self, layer: Layer, bottoms: list[Shape], found: Settled) -> None:
        """Keep for the other states of the net what a layer came to."""
        self.before[layer.index] = bottoms, found
        if found.readable:
            self.net.shapes_made[layer.index] = bottoms, found.tops

    def _setup(
        self, layer: Layer, bottoms: list[Shape], versions: list[BlobVersion | None]
    ) -> SetupCheck:
        return SetupCheck(
            layer,
            self.net.dialect,
            self.net.build,
            layer.runs_as(self.view.state),
            bottoms,
            [made_at(self.view, version) for version in versions],
            inline=self.net.inline,
            template=self.net.is_template,
            batch_of_statistics=self.batch_of_statistics,
        )

    def _demands(self, setup: SetupCheck) -> None:
        """Check what the layer's type demands, and the sizes of its tops."""
        faults = len(setup.faults)
        setup.tops = top_shapes(self.net, setup.layer, setup.bottoms)
        self._engine(setup)
        if check_counts(setup):
            check = ALL_TYPES[setup.layer.type].check
            if check is not None:
                check(setup)
            if len(setup.faults) == faults:
                for shape in setup.tops:
                    self._sized(setup, shape)

    def _engine(self, setup: SetupCheck) -> None:
        """Check that the engine a layer names is in this build (layer_factory.cpp)."""
        parameters = ALL_TYPES[setup.layer.type].parameters
        message = setup.message(parameters[0]) if parameters else None
        if message is None or "engine" not in message.type.fields or "engine" not in message:
            return
        engine = message.text("engine")
        if engine not in ("CAFFE", "DEFAULT") and not self.net.build.cudnn:
            setup.fault(
                Kind.ENGINE,
                f"engine {engine} is not in this build; leave it out or write CAFFE",
                node=message.node_of("engine"),
            )

    def _split(self, setup: SetupCheck, tops: list[BlobVersion]) -> None:
        """Check that nothing empty is read by several layers."""
        for version, shape in zip(tops, setup.tops, strict=True):
            if 0 in shape.dims and _uses(version) > 1:
                message = f"'{version.name}' ({shape}) is empty and is read more than once"
                layer = setup.layer
                setup.faults.append(
                    Fault(Kind.EMPTY, layer, layer.head, message, _read_at(version))
                )

    def _shape(self, version: BlobVersion | None) -> Shape:
        if version is None:
            return UNKNOWN
        found = self.shapes.get(version)
        if found is None:
            found = self.shapes[version] = self.input_shapes.get(version.name, UNKNOWN)
            if 0 in found.dims and _uses(version) > 1 and self.net.dialect.building.splits_no_empty:
                node = self.net.message.node_of("input")
                self.faults.append(
                    Fault(
                        Kind.EMPTY, None, node.span if node is not None else Span(0, 0),
                        f"the input '{version.name}' ({found}) is empty and is read more than once",
                        _read_at(version),
                    )
                )  # fmt: skip
        return found

    def _gradient_switches(self, setup: SetupCheck) -> None:
        layer = setup.layer
        given = layer.message.given.get("propagate_down", ())
        if given and len(given) != len(layer.bottoms):
            setup.fault(
                Kind.GRADIENT_SWITCHES, f"{len(given)} propagate_down for {len(layer.bottoms)} "
                "bottoms; give one for each, or none", node=layer.message.node_of("propagate_down"),
            )  # fmt: skip

    def _tops(self, setup: SetupCheck) -> frozenset[int]:
        """Check that no top exists already; return those that are bottoms, in place.

        A bottom that others read as well, or that is a loss, is a copy of its own by then
        (InsertSplits), so that a layer on it does not work in place.
        """
        layer = setup.layer
        in_place = set()
        for i, before in self.view.in_place.get(layer.index, ()):
            if _uses(before) > 1:
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

    def _loss_weights(self, setup: SetupCheck) -> None:
        layer = setup.layer
        given = [value for value, _ in layer.message.given.get("loss_weight", ())]
        tops = len(layer.tops)
        auto = ALL_TYPES[layer.type].is_loss
        if not given and not auto:
            return
        if auto and not tops:
            tops = 1
        versions = self.view.tops[layer.index]
        cleared = any(
            weight and i < len(versions) and versions[i].readers
            for i, weight in enumerate(given[: len(layer.tops)])
        )
        count = 0 if cleared else len(given)
        if auto and count == 0:
            count = 1
        nodes = layer.message.nodes_of("loss_weight")
        span = nodes[0].span if nodes else None
        if count and count != tops:
            setup.fault(
                Kind.LOSS_WEIGHT, f"{count} loss_weight for {tops} tops; give one for each"
                if given else f"{tops} tops need a loss_weight for each", span=span,
            )  # fmt: skip
        elif layer.type == "SoftmaxWithLoss" and count > 1:
            setup.fault(
                Kind.LOSS_WEIGHT, "SoftmaxWithLoss takes one top: its own Softmax takes one "
                "loss_weight", span=span,
            )  # fmt: skip
            return
        for weight, shape in zip(given, setup.tops, strict=False):
            if weight and 0 in shape.dims:
                setup.empty("a loss_weight for an empty top")
                return


def made_at(view: View, version: BlobVersion | None) -> Span | None:
    """Return where a blob is made; None for an input."""
    producer = None if version is None else version.producer
    if version is None or producer is None:
        return None
    return producer.tops[view.tops[producer.index].index(version)].span


def _read_at(version: BlobVersion) -> tuple[Label, ...]:
    """Return the places where the first two layers read a blob."""
    return tuple(
        Label(bottom.span, "read here")
        for reader in dict.fromkeys(version.readers[:2])
        for bottom in reader.bottoms
        if bottom.name == version.name
    )


def _uses(version: BlobVersion) -> int:
    """How often a blob is used: by readers, and as a loss (InsertSplits)."""
    uses = len(version.readers)
    producer = version.producer
    if producer is not None and "loss_weight" in producer.message.given:
        weights = [value for value, _ in producer.message.given["loss_weight"]]
        for top, weight in zip(producer.tops, weights, strict=False):
            if top.name == version.name and weight:
                uses += 1
                break
    return uses


def _first_exclude(layer: Layer) -> Span:
    node = layer.exclude[0].message.node
    return node.span if node is not None else layer.head
