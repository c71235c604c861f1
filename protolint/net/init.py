"""Net::Init as a walk: whether a Caffe builds a net in one state, and why not.

The walk goes in Caffe's order and goes on after a fault: what cannot be known then is
unknown. Source: src/caffe/net.cpp, insert_splits.cpp, include/caffe/layer.hpp @ BVLC master,
NVIDIA v0.14.5 to v0.17.4, weiliu89/caffe ssd, Intel 1.1.6.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from protolint.caffe.binder import Message
from protolint.diagnostic import Label
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.counts import check_counts
from protolint.layers.demands import demands_of
from protolint.layers.layer import Layer
from protolint.layers.setup_check import LARGEST, Fault, Kind, SetupCheck, size_problem
from protolint.layers.shape import UNKNOWN, Shape, product
from protolint.layers.states import NetState
from protolint.net.facts import fact
from protolint.net.net import TEST, TRAIN, Net
from protolint.net.parameters import layer_parameters
from protolint.net.shapes import input_shapes, top_shapes
from protolint.net.view import BlobVersion, View
from protolint.source import Span

__all__ = ["Construction", "construction", "faults_of", "state_of", "verdict", "verdicts"]


#: Fields of a layer that say which it is and where it is, not what it is.
_NAMES = frozenset({"name", "type", "bottom", "top", "include", "exclude"})


class Construction(NamedTuple):
    """How building a net in one state ends.

    `faults` are what a Caffe would stop at, the first of them first; `builds` is None where
    something outside the text decides.
    """

    faults: tuple[Fault, ...]
    builds: bool | None
    shapes: dict[BlobVersion, Shape]


def faults_of(net: Net, *kinds: Kind) -> list[tuple[Fault, list[NetState]]]:
    """Return the faults of some kinds, with the states among those the net is meant for.

    What several states have in common is one fault.
    """
    found = net.faults
    if found is None:
        merged: dict[tuple[object, ...], tuple[Fault, list[NetState]]] = {}
        for view in net.views:
            for fault in construction(net, view).faults:
                layer = fault.layer
                key = (fault.kind, None if layer is None else layer.index, fault.span)
                merged.setdefault(key, (fault, []))[1].append(view.state)
        found = net.faults = list(merged.values())
    return [entry for entry in found if entry[0].kind in kinds]


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
    """Walk through Net::Init for one view."""
    return _Walk(net, view).run()


class _Owner(NamedTuple):
    """A named parameter where it is first used."""

    layer: Layer
    shape: Shape
    multipliers: list[float | None]


class _Walk:
    """One pass over the layers of a view, with what is known so far."""

    def __init__(self, net: Net, view: View) -> None:
        self.net = net
        self.view = view
        self.types = net.dialect.layer_types
        self.shapes: dict[BlobVersion, Shape] = {}
        self.input_shapes = input_shapes(net)
        self.owners: dict[str, _Owner] = {}
        self.faults: list[Fault] = []
        self.unsure = False
        #: The layers that write a top which exists already.
        self.clashing = {layer.index for layer, _, _ in view.clashes}
        #: Solvers on several GPUs share out the batches of data layers (divide_batch_size).
        self.divided = net.dialect.building.divides_batches and any(
            layer.type in ("Data", "ImageData", "HDF5Data", "WindowData", "MemoryData")
            for layer in view.layers
        )

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
        return Construction(faults, builds, self.shapes)

    # -- Before any layer is made.

    def _state_rules(self) -> list[Fault]:
        """Layers with both kinds of rules, whether they are in this state or not (FilterNet)."""
        return [
            Fault(
                Kind.STATE_RULES, layer, _place(layer.exclude[0].message, layer),
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
        tops = self.view.tops[layer.index]
        bottoms = [self._shape(version) for version in versions]
        if None not in versions and self._is_settled(layer, bottoms):
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
        if readable:
            self._demands(setup, complete=None not in versions)
        broken = len(setup.faults) > before or None in versions or not readable
        if not broken and self.net.dialect.building.splits_no_empty:
            self._split(setup, tops)
        for i, version in enumerate(tops):
            self.shapes[version] = UNKNOWN if broken else setup.tops[i]
        alone = True
        if readable:
            if len(setup.faults) == before:
                self._loss_weights(setup)
            alone = self._params(setup, broken=broken)
        if not setup.faults and not broken:
            self._settle(setup, alone=alone)
        self.faults += setup.faults
        self.unsure = self.unsure or setup.unsure

    def _is_settled(self, layer: Layer, bottoms: list[Shape]) -> bool:
        """Take over what the same layer, or one written alike, came to over the same bottoms."""
        if layer.index in self.clashing or self.net.has_misfit(layer):
            return False
        in_place: frozenset[int] = frozenset()
        if layer.index in self.view.in_place:
            overwritten = self.view.in_place[layer.index]
            if any(_uses(version) > 1 for _, version in overwritten):
                return False
            in_place = frozenset(i for i, _ in overwritten)
        before = self.net.settled.get(self._given(layer, bottoms, in_place))
        if before is None:
            return False
        tops, unsure = before
        self.net.shapes_made[layer.index] = bottoms, tops
        self.shapes.update(zip(self.view.tops[layer.index], tops, strict=True))
        self.unsure = self.unsure or unsure
        return True

    def _settle(self, setup: SetupCheck, *, alone: bool) -> None:
        """Keep what a layer came to, if nothing but what it is given decides about it."""
        layer = setup.layer
        read_as_loss = "loss_weight" in layer.message.values
        if alone and not read_as_loss and not any(0 in shape.dims for shape in setup.tops):
            given = self._given(layer, setup.bottoms, setup.in_place)
            self.net.settled[given] = setup.tops, setup.unsure

    def _given(self, layer: Layer, bottoms: list[Shape], in_place: frozenset[int]) -> Hashable:
        """Return what decides whether a layer is set up, if no other layer does."""
        written = self.net.written.get(layer.index)
        if written is None:
            written = self.net.written[layer.index] = _written(layer, self.net.source.data)
        versions = self.view.bottoms[layer.index]
        alike = tuple(map(versions.index, versions)) if len(versions) > 1 else ()
        phase = layer.runs_as(self.view.state) if layer.type == "BatchNorm" else ""
        return written, tuple(bottoms), alike, in_place, phase, self.divided

    def _origin(self, version: BlobVersion | None) -> Span | None:
        """Return where a blob is made; None for an input."""
        producer = None if version is None else version.producer
        if version is None or producer is None:
            return None
        return producer.tops[self.view.tops[producer.index].index(version)].span

    def _setup(
        self, layer: Layer, bottoms: list[Shape], versions: list[BlobVersion | None]
    ) -> SetupCheck:
        return SetupCheck(
            layer,
            self.net.dialect,
            self.net.build,
            layer.runs_as(self.view.state),
            bottoms,
            [self._origin(version) for version in versions],
            inline=self.net.inline,
            template=self.net.is_template,
            batch_of_statistics=self.net.message.integer("bn_stats_batch_size"),
        )

    def _demands(self, setup: SetupCheck, *, complete: bool) -> None:
        """Check what the layer's type demands, and the sizes of its tops.

        A layer without a fault has none either in another state that gives it the same
        bottoms, so that only the first one looks.
        """
        layer, bottoms = setup.layer, setup.bottoms
        given = (self._given(layer, bottoms, setup.in_place), complete)
        before = self.net.examined.get(layer.index)
        if before is not None and before[0] == given:
            setup.tops, setup.unsure = before[1], setup.unsure or before[2]
            return
        faults, unsure = len(setup.faults), setup.unsure
        setup.unsure = False
        setup.tops = top_shapes(self.net, layer, bottoms)
        self._engine(setup)
        if check_counts(setup) and complete:
            check = demands_of(layer.type)
            if check is not None:
                check(setup)
            if len(setup.faults) == faults:
                for shape in setup.tops:
                    self._sized(setup, shape)
        if len(setup.faults) == faults:
            self.net.examined[layer.index] = given, setup.tops, setup.unsure
        setup.unsure = setup.unsure or unsure

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
                f"engine {engine} in a build that has only CAFFE",
                node=message.node_of("engine"),
            )

    def _split(self, setup: SetupCheck, tops: list[BlobVersion]) -> None:
        """Check that nothing empty is read by several layers."""
        for version, shape in zip(tops, setup.tops, strict=True):
            if 0 in shape.dims and _uses(version) > 1:
                setup.fault(
                    Kind.EMPTY, f"'{version.name}' ({shape}) is empty and is read more than once"
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
                    )
                )  # fmt: skip
        return found

    def _gradient_switches(self, setup: SetupCheck) -> None:
        layer = setup.layer
        given = layer.message.values.get("propagate_down", ())
        if given and len(given) != len(layer.bottoms):
            setup.fault(
                Kind.GRADIENT_SWITCHES, f"{len(given)} propagate_down for {len(layer.bottoms)} "
                "bottoms; give one for each, or none", span=given[0][1].span,
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
        for other, i, before in self.view.clashes if layer.index in self.clashing else ():
            if other is layer:
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
        given = [value for value, _ in layer.message.values.get("loss_weight", ())]
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

    # -- Parameters.

    def _params(self, setup: SetupCheck, *, broken: bool) -> bool:
        """Check the `param` blocks; True where no other layer has a part in it."""
        layer = setup.layer
        blocks = _blocks(layer)
        if not blocks:
            return True
        found = layer_parameters(self.net, layer, setup.bottoms)
        if found is None:
            setup.unsure = True
            return True
        if len(blocks) > len(found) and not (broken and not found):
            count = len(found)
            node = blocks[count].node
            setup.fault(
                Kind.PARAMS, f"{len(blocks)} param for {count or 'no'} blob{'s' * (count != 1)}; "
                f"remove {len(blocks) - count}", span=node,
            )  # fmt: skip
            return True
        if not any(block.name for block in blocks):
            return True
        for block, parameter in zip(blocks, found, strict=False):
            if not block.name:
                continue
            shape = UNKNOWN if broken else parameter.shape
            multipliers = self._multipliers(layer, parameter.role, block)
            owner = self.owners.get(block.name)
            if owner is None:
                self.owners[block.name] = _Owner(layer, shape, multipliers)
            else:
                self._shared(setup, block, shape, multipliers, owner)
        return False

    def _multipliers(self, layer: Layer, role: str, block: _Block) -> list[float | None]:
        if layer.type == "BatchNorm" and self.net.dialect.forces_affine_multipliers:
            value = 1.0 if role in ("gamma", "beta") else 0.0
            return [value, value]
        return [block.rate, block.decay]

    def _shared(
        self, setup: SetupCheck, block: _Block, shape: Shape, multipliers: list[float | None],
        owner: _Owner,
    ) -> None:  # fmt: skip
        if block.permissive:
            differ = setup.differ(setup.count(shape), setup.count(owner.shape))
            what = "count"
        else:
            differ = setup.unlike(shape, owner.shape)
            what = "shape"
        label = Label(owner.layer.head, f"'{owner.layer.name}' makes it {owner.shape}")
        if differ:
            setup.faults.append(
                Fault(
                    Kind.SHARED, setup.layer, block.node,
                    f"parameter '{block.name}' is {shape} here and {owner.shape} in "
                    f"'{owner.layer.name}': not the same {what}", (label,),
                )
            )  # fmt: skip
            return
        for j, name in enumerate(("lr_mult", "decay_mult")):
            here, there = multipliers[j], owner.multipliers[j]
            if here is not None and there is None:
                owner.multipliers[j] = here
            elif here is not None and here != there:
                setup.faults.append(
                    Fault(
                        Kind.SHARED, setup.layer, block.node,
                        f"parameter '{block.name}' has {name} {here:g} here and {there:g} in "
                        f"'{owner.layer.name}'", (label,),
                    )
                )  # fmt: skip
                return


def _written(layer: Layer, text: bytes) -> Hashable:
    """Return what is written in a layer, but for names and states; layers alike have the same."""
    if layer.generation < 2:
        return layer.index
    found: list[object] = [layer.type, len(layer.tops)]
    for field, given in layer.message.values.items():
        if field not in _NAMES:
            found.append(field)
            for _, node in given:
                if node.end <= node.start:
                    return layer.index
                found.append(text[node.start : node.end])
    return tuple(found)


def _uses(version: BlobVersion) -> int:
    """How often a blob is used: by readers, and as a loss (InsertSplits)."""
    uses = len(version.readers)
    producer = version.producer
    if producer is not None:
        weights = [value for value, _ in producer.message.values.get("loss_weight", ())]
        for top, weight in zip(producer.tops, weights, strict=False):
            if top.name == version.name and weight:
                uses += 1
                break
    return uses


class _Block(NamedTuple):
    """One `param` block, in any generation; a multiplier that is not given is None."""

    name: str
    rate: float | None
    decay: float | None
    permissive: bool
    node: Span


def _blocks(layer: Layer) -> list[_Block]:
    """Return the `param` blocks, as the upgrade makes them of the old forms (upgrade_proto.cpp)."""
    if layer.generation == 2:
        return [_block(param.message, layer) for param in layer.params]
    message = layer.message
    source = message if layer.generation == 1 else message.message("layer")
    rates = source.numbers("blobs_lr") if source is not None else []
    decays = source.numbers("weight_decay") if source is not None else []
    names = message.texts("param") if layer.generation == 1 else []
    modes = message.texts("blob_share_mode") if layer.generation == 1 else []
    count = max(len(rates), len(decays), len(names), len(modes))
    node = None
    for field in ("blobs_lr", "weight_decay", "param"):
        node = node or (source.node_of(field) if source is not None else None)
    span = node.span if node is not None else layer.head
    return [
        _Block(
            names[i] if i < len(names) else "",
            rates[i] if i < len(rates) else None,
            decays[i] if i < len(decays) else None,
            i < len(modes) and modes[i] == "PERMISSIVE",
            span,
        )
        for i in range(count)
    ]


def _block(message: Message, layer: Layer) -> _Block:
    return _Block(
        message.text("name"),
        message.number("lr_mult") if "lr_mult" in message else None,
        message.number("decay_mult") if "decay_mult" in message else None,
        message.text("share_mode") == "PERMISSIVE",
        _place(message, layer),
    )


def _place(message: Message, layer: Layer) -> Span:
    return message.node.span if message.node is not None else layer.head
