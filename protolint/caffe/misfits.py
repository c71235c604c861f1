"""What in a file does not fit which Caffes: one pass over its tree for all of them.

Nearly every field is the same in every Caffe, and a net repeats its layers: what one of them is
in all Caffes is found out once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from protolint.caffe.binder import ProblemKind
from protolint.caffe.descriptors import FieldType, MessageType, load_schema
from protolint.caffe.registry import DIALECTS, TARGETS
from protolint.record import NamedTuple
from protolint.text.tree import Block, ListValue, Node, Scalar, placed

__all__ = ["Misfit", "misfits_of", "targets_taking"]


class Misfit(NamedTuple):
    """A field that some Caffes refuse, for one reason.

    `message` is the name of the message that it stands in; `refusing` are the names of those
    Caffes. For a missing field `node` is the message that should hold it.
    """

    kind: ProblemKind
    node: Node
    message: str
    refusing: frozenset[str]


#: A misfit in a model, with the Caffes as bits; they count from the first of TARGETS.
_Found = tuple[ProblemKind, Node, str, int]


class _Field:
    """A field of one name, in all Caffes that have its message.

    `groups` are those that agree on it, with what they agree on. `known` are values that all of
    them take.
    """

    __slots__ = ("blocks", "groups", "inner", "known", "plain", "single", "unknown")

    def __init__(self, name: str, types: Sequence[MessageType | None]) -> None:
        self.unknown = self.single = self.plain = self.blocks = 0
        self.known: set[str] = set()
        groups: dict[object, tuple[int, FieldType]] = {}
        inner: list[MessageType | None] = []
        for place, one in enumerate(types):
            field = one.fields.get(name) if one is not None else None
            inner.append(None if field is None or field.kind != "message" else field.message)
            if one is None:
                continue
            bit = 1 << place
            if field is None:
                self.unknown |= bit
                continue
            if not field.repeated:
                self.single |= bit
            values = tuple(field.enum.numbers.items()) if field.kind == "enum" else ()
            mask, first = groups.get((field.kind, values), (0, field))
            groups[field.kind, values] = mask | bit, first
            if field.kind == "message":
                self.blocks |= bit
            else:
                self.plain |= bit
        self.groups = tuple(groups.values())
        self.inner = tuple(inner)


class _Message:
    """A message type, in all Caffes that have it."""

    __slots__ = ("_fields", "name", "needed", "types")

    def __init__(self, types: tuple[MessageType | None, ...]) -> None:
        self.types = types
        self._fields: dict[str, _Field] = {}
        known = [one for one in types if one is not None]
        self.name = known[0].name
        self.needed: dict[str, int] = {}
        for place, one in enumerate(types):
            for name in one.required if one is not None else ():
                self.needed[name] = self.needed.get(name, 0) | 1 << place

    def field(self, name: str) -> _Field:
        found = self._fields.get(name)
        if found is None:
            found = self._fields[name] = _Field(name, self.types)
        return found


_joined = cache(_Message)


def misfits_of(type: str, nodes: list[Node]) -> Iterator[Misfit]:
    """Yield what some targets refuse in a file that is a message of a type, each in its schema.

    They are what `bind` finds for each of them, but for the members of a oneof, which no shipped
    schema has.
    """
    for kind, node, message, mask in _found_in(type, nodes):
        yield Misfit(kind, node, message, _names(mask))


def targets_taking(type: str, nodes: list[Node]) -> frozenset[str]:
    """Return the targets that refuse nothing in a file that is a message of a type."""
    refusing = 0
    for *_, mask in _found_in(type, nodes):
        refusing |= mask
    return _names(~refusing)


@cache
def _names(mask: int) -> frozenset[str]:
    return frozenset(name for place, name in enumerate(TARGETS) if mask >> place & 1)


def _found_in(type: str, nodes: list[Node]) -> list[_Found]:
    schemas = (load_schema(DIALECTS[name].schema) for name in TARGETS)
    message = _joined(tuple(schema.messages.get(type) for schema in schemas))
    found: list[_Found] = []
    _look(message, (1 << len(TARGETS)) - 1, None, nodes, found)
    return found


def _look(
    type: _Message, mask: int, block: Block | None, children: Sequence[Node], found: list[_Found]
) -> None:
    """Add what does not fit among the fields of a message that the Caffes in `mask` have."""
    given: dict[str, int] = {}
    for child in children:
        name = child.name
        field = type.field(name)
        unknown = mask & field.unknown
        if unknown:
            found.append((ProblemKind.UNKNOWN_FIELD, child, type.name, unknown))
        having = mask & ~field.unknown
        if not having:
            continue
        if isinstance(child, ListValue):
            _look_at_list(type, field, having, child, found)
            continue
        having = _value(type, field, having, child, found)
        before = given.get(name, 0)
        twice = having & before & field.single
        if twice:
            found.append((ProblemKind.DUPLICATE_FIELD, child, type.name, twice))
        given[name] = before | having
    if block is not None:
        for name, needing in type.needed.items():
            missing = needing & mask & ~given.get(name, 0)
            if missing:
                found.append((ProblemKind.MISSING_FIELD, block, type.name, missing))


def _look_at_list(
    type: _Message, field: _Field, mask: int, node: ListValue, found: list[_Found]
) -> None:
    wrong = field.single if node.items or node.colon else field.single | field.plain
    if wrong & mask:
        found.append((ProblemKind.WRONG_VALUE, node, type.name, wrong & mask))
    for item in node.items if mask & ~wrong else ():
        _value(type, field, mask & ~wrong, item, found)


def _value(
    type: _Message, field: _Field, mask: int, node: Scalar | Block, found: list[_Found]
) -> int:
    """Add what does not fit of one value, and return the Caffes that make something of it."""
    if isinstance(node, Block):
        wrong = mask & field.plain
        mask &= field.blocks
        if mask:
            _look_inside(_joined(field.inner), mask, node, found)
    else:
        raw = node.raw
        if raw in field.known:
            return mask
        wrong = unclear = 0
        for those, one in field.groups if raw else ():
            if one.kind == "message" or one.read(raw) is None:
                wrong |= those
                if one.kind == "message" or one.guess(raw) is None:
                    unclear |= those
        if not raw:
            return 0
        if not wrong:
            field.known.add(raw)
        wrong &= mask
        mask &= ~unclear
    if wrong:
        found.append((ProblemKind.WRONG_VALUE, node, type.name, wrong))
    return mask


def _look_inside(type: _Message, mask: int, block: Block, found: list[_Found]) -> None:
    """Add what does not fit in a block; what its model has is looked for once."""
    model = block.model
    if model is None or type.needed:
        _look(type, mask, block, block.children, found)
        return
    known = model.readings.get(type)
    if known is None:
        inside: list[_Found] = []
        _look(type, -1, None, model.children, inside)
        known = model.readings[type] = inside, frozenset(child.name for child in model.children)
    assert isinstance(known, tuple)
    inside, names = known
    if block.head:
        head = block.head_nodes
        if not names.isdisjoint([child.name for child in head]):
            _look(type, mask, block, block.children, found)
            return
        _look(type, mask, block, head, found)
    for kind, node, name, refusing in inside:
        if refusing & mask:
            found.append((kind, placed(node, block.at), name, refusing & mask))
