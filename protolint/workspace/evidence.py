"""What in a file speaks for one Caffe or against another: its evidence, clue by clue."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from weakref import WeakKeyDictionary

from protolint.caffe.binder import Message, ProblemKind
from protolint.caffe.dialect import Dialect
from protolint.caffe.forks import Unknown, forks_that_know, new_name_of, unknown_field
from protolint.caffe.misfits import misfits_of
from protolint.caffe.registry import DEFAULT, DIALECTS, TARGETS
from protolint.record import NamedTuple
from protolint.text.tree import Block, Node, Scalar, walk
from protolint.weights.kinds import FileKind
from protolint.words import counted
from protolint.workspace.reading import Readings

__all__ = ["Clue", "Evidence", "Member", "evidence_in", "remember", "strangers"]

_ALL = frozenset(TARGETS)
_DIGITS_STAGES = frozenset(("train", "val", "deploy"))
_DIGITS_LAYERS = frozenset(("train-data", "val-data"))


class Clue(NamedTuple):
    """Something in a file that fits some Caffes and not others.

    `name` is what a reason calls it, `what` says more; `node` is the first of its places, of
    which there are `times`. `fits` are the Caffes it fits. Where it `decides`, the others refuse
    the file or abort; else it is only a habit of those who write for them. It weighs as much
    as there is in those places, if not given.
    """

    name: str
    what: str
    node: Node
    times: int
    fits: frozenset[str]
    decides: bool = True
    size: int = 0

    @property
    def weight(self) -> int:
        """How much it counts against the Caffes it does not fit."""
        return self.size or self.times


class Evidence(NamedTuple):
    """All clues of a file.

    `digits` are the clues that DIGITS made the file or is to read it, which runs several
    Caffes; `has_norms` says that a BatchNorm is in it.
    """

    clues: tuple[Clue, ...] = ()
    digits: tuple[Clue, ...] = ()
    has_norms: bool = False

    def __add__(self, other: object) -> Evidence:
        """Return the evidence of two files of one model."""
        if not isinstance(other, Evidence):
            return NotImplemented
        return Evidence(
            self.clues + other.clues,
            self.digits + other.digits,
            self.has_norms or other.has_norms,
        )

    def against(self, dialect: str) -> tuple[int, int]:
        """Return how much of a file a Caffe refuses, and how many habits are not its users'."""
        refused = habits = 0
        for clue in self.clues:
            if dialect not in clue.fits:
                if clue.decides:
                    refused += clue.weight
                else:
                    habits += clue.weight
        return refused, habits

    def allowed(self) -> frozenset[str]:
        """Return the Caffes that refuse nothing of what some other takes."""
        found = _ALL
        for clue in self.clues:
            if clue.decides:
                found &= clue.fits
        return found


class Member(NamedTuple):
    """Another file of the model that a file is of, and the evidence in it."""

    readings: Readings
    evidence: Evidence

    @classmethod
    def of(cls, readings: Readings) -> Member:
        """Look for the evidence in a file."""
        return cls(readings, evidence_in(readings))

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return os.path.basename(self.readings.tree.source.path)

    def line(self, clue: Clue) -> int:
        """Return the line of a clue; 0 in weights."""
        if not self.readings.kind.is_text:
            return 0
        return self.readings.tree.source.line_number(clue.node.start)


_NOTHING = Evidence()
#: The evidence in each file, looked for once: the files of a model ask for each other's.
_KNOWN: WeakKeyDictionary[Readings, Evidence] = WeakKeyDictionary()


def evidence_in(readings: Readings) -> Evidence:
    """Return the evidence in a file, in its order."""
    known = _KNOWN.get(readings)
    if known is None:
        known = _KNOWN[readings] = _look_for(readings)
    return known


def remember(readings: Readings, evidence: Evidence) -> None:
    """Keep the evidence of a file that is no text."""
    _KNOWN[readings] = evidence


def _look_for(readings: Readings) -> Evidence:
    if not readings.kind.is_text:
        return _NOTHING
    file = readings.read(DEFAULT)
    clues = list(_unknown(readings)) if file.misfits else []
    if readings.kind is not FileKind.NET:
        return Evidence(tuple(clues))
    found = _Layers(file.message)
    clues += found.types(readings.build.layer_types)
    clues += found.norms(readings)
    clues.sort(key=lambda clue: clue.node.start)
    return Evidence(tuple(clues), tuple(found.digits()), bool(found.batchnorms))


def _unknown(readings: Readings) -> Iterator[Clue]:
    """Yield a clue for each field, or value of a field, that some Caffes know and others do not."""
    if readings.build.schema is not None:
        return
    missing: dict[int, set[str]] = {}
    nodes: dict[int, Node] = {}
    messages: dict[int, str] = {}
    message = readings.read(DEFAULT).message.type.name
    for problem in misfits_of(message, readings.tree.children):
        if readings.build.adds_field(problem.message, problem.node.name):
            continue
        if problem.kind is ProblemKind.UNKNOWN_FIELD:
            inside = walk([problem.node])
        elif problem.kind is ProblemKind.WRONG_VALUE:
            inside = iter((problem.node,))
        else:
            continue
        messages[problem.node.start] = problem.message
        for node in inside:
            missing.setdefault(node.start, set()).update(problem.refusing)
            nodes[node.start] = node
    found: dict[tuple[str, frozenset[str]], list[Node]] = {}
    size: dict[tuple[str, frozenset[str]], int] = {}
    key: tuple[str, frozenset[str]] | None = None
    for start in sorted(nodes):
        fits = _ALL - missing[start]
        if start in messages:
            name, key = nodes[start].name, None
            new_name = new_name_of(name)
            if new_name is not None:
                # Those that have the field under its new name are newer releases of its own Caffe.
                fits |= {n for n in TARGETS if DIALECTS[n].knows_field(messages[start], new_name)}
            if fits:
                key = name, fits
                found.setdefault(key, []).append(nodes[start])
        if fits and key is not None:
            # What is in a field goes with it.
            size[key] = size.get(key, 0) + 1
    for (name, fits), places in found.items():
        yield Clue(name, f"field '{name}'", places[0], len(places), fits, size=size[name, fits])


def strangers(readings: Readings, dialect: Dialect) -> list[tuple[Unknown, Node]]:
    """Return the fields and layer types of a file that a Caffe does not know, each first place."""
    file = readings.read(dialect)
    found: dict[Unknown, Node] = {}
    for problem in file.misfits:
        node, message = problem.node, problem.message.name
        if problem.kind is ProblemKind.UNKNOWN_FIELD:
            found.setdefault(unknown_field(message, node), node)
        elif message == "V1LayerParameter" and node.name == "type" and isinstance(node, Scalar):
            found.setdefault(Unknown("V1", node.raw), node)
        elif forks_that_know(more := Unknown("more", problem.place)):
            found.setdefault(more, node)
    if readings.kind is FileKind.NET:
        for written, layers in _Layers(file.message).by_type.items():
            if not dialect.registers(written) and written not in readings.build.layer_types:
                found.setdefault(Unknown("", written), _type_node(layers[0]))
    return sorted(found.items(), key=lambda item: item[1].start)


def _type_node(layer: Message) -> Node:
    """Return where a layer that has a type says so."""
    return layer.node_at("type", 0)


class _Layers:
    """The layers of a net, looked through once."""

    def __init__(self, message: Message) -> None:
        self.by_type: dict[str, list[Message]] = {}
        self.batchnorms: list[tuple[Message, Block]] = []
        self.stages: dict[str, Node] = {}
        self.named: list[Node] = []
        for value, node in message.values.get("layer", ()):
            if not isinstance(value, Message) or not isinstance(node, Block):
                continue
            if "type" in value:
                kind = value.text("type")
                self.by_type.setdefault(kind, []).append(value)
                if kind == "BatchNorm":
                    self.batchnorms.append((value, node))
            self._add_stages([*value.messages("include"), *value.messages("exclude")])
            if value.text("name") in _DIGITS_LAYERS:
                self.named.append(value.node_at("name", 0))

    def _add_stages(self, rules: Iterable[Message]) -> None:
        for rule in rules:
            for field in ("stage", "not_stage"):
                for i, stage in enumerate(rule.texts(field)):
                    self.stages.setdefault(stage, rule.node_at(field, i))

    def types(self, custom: frozenset[str]) -> Iterator[Clue]:
        """Yield a clue for each layer type that only some Caffes register."""
        for written, layers in self.by_type.items():
            if DEFAULT.registers(written) and written not in _SOME:
                continue
            known = DEFAULT.registers(written)
            if written in custom or (not known and forks_that_know(Unknown("", written))):
                continue  # Not of those that have taken it over.
            fits = frozenset(name for name in TARGETS if DIALECTS[name].registers(written))
            if fits and fits != _ALL:
                what = f"layer type '{written}'"
                yield Clue(f"type {written}", what, _type_node(layers[0]), len(layers), fits)

    def norms(self, readings: Readings) -> Iterator[Clue]:
        """Yield a clue for `param` blocks and for fillers that only some Caffes have a use for."""
        many = [node for value, node in self.batchnorms if len(value.given.get("param", ())) > 3]
        if many:
            starts = {node.start for node in many}
            fitting: dict[frozenset[str], list[Block]] = {}
            takes = {name: _holding(readings, name, starts) for name in TARGETS}
            for node in many:
                fits = frozenset(name for name in TARGETS if node.start in takes[name])
                if fits and fits != _ALL:
                    fitting.setdefault(fits, []).append(node)
            for fits, nodes in fitting.items():
                blocks = sum(child.name == "param" for child in nodes[0].children)
                what = f"{counted(blocks, 'param block')} in a BatchNorm"
                yield Clue("param blocks", what, nodes[0], len(nodes), fits)
        products = {
            top
            for value in self.by_type.get("InnerProduct", ())
            if not _given(value, "inner_product_param", "axis")
            for top in value.texts("top")
        }
        flat = [n for v, n in self.batchnorms if products.intersection(v.texts("bottom"))]
        if flat:
            fits = frozenset(n for n in TARGETS if DIALECTS[n].least_axes <= 2)
            yield Clue("BatchNorm", "BatchNorm on two axes", flat[0], len(flat), fits)
        always = frozenset(n for n in TARGETS if not DIALECTS[n].has_plain_batchnorm)
        scaled = {b for value in self.by_type.get("Scale", ()) for b in value.texts("bottom")}
        behind = [n for v, n in self.batchnorms if scaled.intersection(v.texts("top"))]
        if behind:
            what = "BatchNorm with a Scale behind it"
            yield Clue("Scale", what, behind[0], len(behind), _ALL - always, decides=False)
        bare = [
            node
            for value, node in self.batchnorms
            if _has_learning_pair(value) and not scaled.intersection(value.texts("top"))
        ]
        if bare:
            what = "two param blocks that learn, in a BatchNorm without Scale"
            yield Clue("param blocks", what, bare[0], len(bare), always, decides=False)
        yield from self._fillers(readings, always)

    def _fillers(self, readings: Readings, always: frozenset[str]) -> Iterator[Clue]:
        """Yield a clue for a filler of gamma where nothing asks for gamma and beta."""
        asking = {d.affine_field for d in DIALECTS.values() if d.affine_field}
        filled: list[Node] = []
        for _, node in self.batchnorms:
            # Where what it shares with others has none of these, its own nodes are not needed.
            if not (asking | {"scale_filler"}) & _params_in(node.model or node).keys():
                continue
            given = _params_in(node)
            if asking & given.keys():
                return
            if "scale_filler" in given:
                filled.append(given["scale_filler"])
        if filled:
            what = "'scale_filler' in a BatchNorm that does not ask for gamma and beta"
            yield Clue("scale_filler", what, filled[0], len(filled), always, decides=False)

    def digits(self) -> Iterator[Clue]:
        """Yield a clue for each mark of a net that DIGITS splits by stages and completes."""
        if not self.stages or not self.stages.keys() <= _DIGITS_STAGES:
            return
        fits = frozenset(name for name in TARGETS if DIALECTS[name].used_by_digits)
        stages = " and ".join(sorted(self.stages))
        first = min(self.stages.values(), key=lambda node: node.start)
        yield Clue("stages", f"DIGITS' stages {stages}", first, 1, fits, decides=False)
        if self.named:
            what = "DIGITS' names of data layers"
            yield Clue("name", what, self.named[0], len(self.named), fits, decides=False)
        for kind, param, field in (
            ("Data", "data_param", "source"),
            ("InnerProduct", "inner_product_param", "num_output"),
        ):
            open_ = [one for one in self.by_type.get(kind, ()) if not _given(one, param, field)]
            if open_:
                what = f"{kind} without '{field}', which DIGITS fills in"
                yield Clue(
                    f"type {kind}", what, _type_node(open_[0]), len(open_), fits, decides=False
                )


def _params_in(layer: Block) -> dict[str, Node]:
    """Return the fields in the batch_norm_param of a layer, known or not."""
    return {
        child.name: child
        for param in layer.children
        if param.name == "batch_norm_param" and isinstance(param, Block)
        for child in param.children
    }


#: Types that BVLC registers and some other does not.
_SOME = frozenset(
    written for written in DEFAULT.layer_types
    if not all(DIALECTS[name].registers(written) for name in TARGETS)
)  # fmt: skip


def _has_learning_pair(batchnorm: Message) -> bool:
    """Whether a BatchNorm has two `param` blocks, both of which say that their blob learns."""
    params = batchnorm.messages("param")
    return len(params) == 2 and all(param.number("lr_mult") for param in params)


def _given(layer: Message, param: str, field: str) -> bool:
    inner = layer.message(param)
    return inner is not None and field in inner


def _holding(readings: Readings, name: str, wanted: set[int]) -> set[int]:
    """Return which of some BatchNorms have a blob for each of their `param` blocks in a Caffe."""
    (net,) = readings.read(DIALECTS[name]).nets
    return {
        layer.node.start
        for layer in net.batchnorms
        if layer.node.start in wanted and len(layer.params) <= len(net.traits(layer).blobs)
    }
