"""Binding a tree to a schema: typed messages that know where each field stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import lru_cache
from re import Match
from typing import TYPE_CHECKING, Any, TypeVar

from protolint.caffe.descriptors import FieldType, MessageType, Value, utf8
from protolint.record import NamedTuple
from protolint.text.tree import Block, ListValue, Node, Scalar, starting_at

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtobufMessage

__all__ = ["BindProblem", "Message", "ProblemKind", "bind", "to_protobuf"]

_T = TypeVar("_T")
_new = object.__new__
_Values = dict[str, "list[tuple[Message | Value, Scalar | Block]]"]
_Groups = tuple["str | Any", ...]
#: By field, which groups of a head are its values.
_Named = dict[str, slice]
_NO_NAMES: _Named = {}

#: Makes what holds the values of a message, if not a dict (scripts/field_names.py).
new_values: Callable[[MessageType], _Values] | None = None


class ProblemKind(Enum):
    """What a text parser refuses about a field that is sound syntax."""

    UNKNOWN_FIELD = "unknown field"
    DUPLICATE_FIELD = "duplicate field"
    WRONG_VALUE = "wrong value"
    MISSING_FIELD = "missing field"


class BindProblem(NamedTuple):
    """A field that does not fit the schema.

    `first` is the earlier field of a duplicate, `guess` what a wrong value was meant as. For
    a missing field `node` is the message that should hold it.
    """

    kind: ProblemKind
    node: Node
    message: MessageType
    field: FieldType | None = None
    first: Node | None = None
    guess: Value | None = None

    def placed(self, block: Block) -> BindProblem:
        """Return the same problem, of an unknown field in a block's model, in the block."""
        node = starting_at(block.children, self.node.start + block.at)
        return BindProblem(self.kind, node, self.message)

    @property
    def place(self) -> str:
        """The field with its message, as MESSAGE.FIELD."""
        return f"{self.message.name}.{self.node.name}"


class Message:
    """A message as the text gives it.

    `values` holds every value by its field's name, each with the node it is written in; a
    list given empty is a field that is given, without values.

    Getters take a field's name and give the schema's default where the field is not set,
    and the type's zero where this dialect has no such field. A singular field that is
    given twice reads as the first.

    A message may share what it holds with its `model`, of a block that is written alike: then
    `given` holds the same values with nodes that are not where this one's are. What its block's
    head gives is not among them, but in some of `_groups`, those which `_named` has by field.
    """

    # Without __getattr__ for what is made late: Python looks up all attributes slowly then.
    __slots__ = ("_groups", "_named", "_node", "_path", "given", "inner", "type")

    _groups: _Groups
    #: A block, and the fields that lead from it to this message's, which is `_node` once known.
    _path: tuple[Any, ...]

    def __init__(self, type: MessageType, node: Block | None) -> None:
        self.type = type
        self._node = node
        self._path = ()
        self.given = _no_values(type)
        self._named = _NO_NAMES
        #: The messages in it, by field, where it shares its values.
        self.inner: dict[str, list[Message]] | None = None

    @property
    def node(self) -> Block | None:
        """The block that the message is written as; None for a whole file."""
        if self._node is None and self._path:
            node, *path = self._path
            for field, index in path:
                node = _nodes_of(node)[field][index]
            self._node = node
        return self._node

    @property
    def values(self) -> _Values:
        """What the message holds, with the places in its file."""
        node = self.node
        if self.inner is None or node is None:
            return self.given
        nodes = _nodes_of(node)
        values = _no_values(self.type)
        for field in self._named:
            values[field] = list(zip(self.texts(field), nodes[field], strict=True))
        for field, found in self.given.items():
            messages: Sequence[Message | Value] = ()
            if found and isinstance(found[0][0], Message):
                messages = self._inside(field)
                for message, block in zip(messages, nodes[field], strict=True):
                    message._node = block  # type: ignore[assignment]
            values[field] = list(
                zip(messages or [value for value, _ in found], nodes.get(field, ()), strict=True)
            )
        self.given = values
        self.inner = None
        return values

    def _inside(self, field: str) -> list[Message]:
        """Return the messages in a field of a message that shares its values."""
        assert self.inner is not None
        found = self.inner.get(field)
        if found is None:
            found = self.inner[field] = []
            path = self._path or (self._node,)
            for index, (model, _) in enumerate(self.given[field]):
                if isinstance(model, Message):
                    message = _new(Message)
                    message.type, message.given, message.inner = model.type, model.given, {}
                    message._named = _NO_NAMES
                    message._node, message._path = None, (*path, (field, index))
                    found.append(message)
        return found

    def __repr__(self) -> str:
        return f"Message({self.type.name!r}, {list(self._named | self.given)})"

    def __contains__(self, name: str) -> bool:
        """Whether the field is given, with a value."""
        return bool(self.given.get(name)) or name in self._named

    def node_of(self, name: str) -> Scalar | Block | None:
        """Where the field is first given, or None."""
        return self.node_at(name, 0) if name in self else None

    def node_at(self, name: str, index: int) -> Scalar | Block:
        """Return where one value of a field is given."""
        if name in self._named and self.node is not None:
            # What stands first in a layer is asked for most.
            return [node for node in self.node.head_nodes if node.name == name][index]
        return self.values[name][index][1]

    def nodes_of(self, name: str) -> list[Scalar | Block]:
        """Every place the field is given."""
        return [node for _, node in self.values.get(name, ())]

    def message(self, name: str) -> Message | None:
        """Return the message in a field, or None where it is not given."""
        found = self.given.get(name)
        if not found:
            return None
        if self.inner is not None:
            inside = self.inner.get(name) or self._inside(name)
            return inside[0] if inside else None
        value = found[0][0]
        return value if isinstance(value, Message) else None

    def messages(self, name: str) -> list[Message]:
        """Return the messages in a repeated field."""
        if self.inner is None or not self.given.get(name):
            return self._all(name, Message)
        return self._inside(name)[:]

    def contents(self, name: str) -> list[Message]:
        """Return the same for what they hold alone: their places may be those of the model."""
        return self._all(name, Message)

    def text(self, name: str) -> str:
        """Return the string, or the name of the enum value, in a field."""
        value = self._one(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> Sequence[str]:
        """Return the strings, or names of enum values, in a repeated field."""
        at = self._named.get(name)
        return self._all(name, str) if at is None else self._groups[at]

    def number(self, name: str) -> float:
        """Return the number in a field."""
        value = self._one(name)
        return float(value) if isinstance(value, (int, float)) else 0.0

    def integer(self, name: str) -> int:
        """Return the whole number in a field."""
        value = self._one(name)
        return value if isinstance(value, int) else 0

    def integers(self, name: str) -> list[int]:
        """Return the whole numbers in a repeated field."""
        return self._all(name, int)

    def numbers(self, name: str) -> list[float]:
        """Return the numbers in a repeated field."""
        return [float(v) for v, _ in self.given.get(name, ()) if isinstance(v, (int, float))]

    def flag(self, name: str) -> bool:
        """Return the bool in a field."""
        return self._one(name) is True

    def items(self) -> Iterator[tuple[str, Message | Value, Scalar | Block]]:
        """Every value given: field name, value, place; repeated fields value by value."""
        for name, values in self.values.items():
            for value, node in values:
                yield name, value, node

    def _one(self, name: str) -> Message | Value | None:
        found = self.given.get(name)
        if found:
            return found[0][0]
        at = self._named.get(name)
        if at is not None:
            return self._groups[at][0]
        field = self.type.fields.get(name)
        return None if field is None or field.kind == "message" else field.default

    def _all(self, name: str, kind: type[_T]) -> list[_T]:
        return [value for value, _ in self.given.get(name, ()) if isinstance(value, kind)]


def _no_values(type: MessageType) -> _Values:
    return {} if new_values is None else new_values(type)


def _nodes_of(block: Block) -> dict[str, list[Scalar | Block]]:
    """Return what stands for each value in a block, by field."""
    found: dict[str, list[Scalar | Block]] = {}
    for child in block.children:
        found.setdefault(child.name, []).extend(
            child.items if isinstance(child, ListValue) else (child,)
        )
    return found


def bind(
    type: MessageType, nodes: list[Node], node: Block | None = None
) -> tuple[Message, list[BindProblem]]:
    """Return the message that the nodes spell, and every field that does not fit, in file order.

    The message leaves out an unknown field. A value of the wrong kind is read as it was
    meant, where that is clear.
    """
    problems: list[BindProblem] = []
    return _bind(type, node, nodes, problems), problems


def _bind(
    type: MessageType, node: Block | None, children: list[Node], problems: list[BindProblem]
) -> Message:
    message = Message(type, node)
    values = message.given
    fields = type.fields
    value: Message | Value | None
    for child in children:
        if isinstance(child, Scalar):
            written = child.written
            name = written[0]
            field = fields.get(name)
            # Most values have been read before.
            value = field.known.get(written[4]) if field is not None else None
        else:
            name, value = child.name, None
            field = fields.get(name)
        if field is None:
            problems.append(BindProblem(ProblemKind.UNKNOWN_FIELD, child, type))
            continue
        if isinstance(child, ListValue):
            _bind_list(message, field, child, problems)
            continue
        if value is None:
            value = _value(type, field, child, problems)
            if value is None:
                continue
        found = values.get(name)
        if found is None:
            if field.oneof is not None:
                first = _of_oneof(type, field, values)
                if first is not None:
                    problems.append(
                        BindProblem(ProblemKind.DUPLICATE_FIELD, child, type, field, first)
                    )
            values[name] = [(value, child)]
            continue
        if not field.repeated:
            first = found[0][1]
            problems.append(BindProblem(ProblemKind.DUPLICATE_FIELD, child, type, field, first))
        found.append((value, child))
    if type.required and node is not None:
        for name in type.required:
            if name not in values:
                kind = ProblemKind.MISSING_FIELD
                problems.append(BindProblem(kind, node, type, fields[name]))
    return message


def _of_oneof(type: MessageType, field: FieldType, values: _Values) -> Node | None:
    """Return where another member of a field's oneof is given, or None (text_format.cc)."""
    for name, given in values.items():
        if type.fields[name].oneof == field.oneof:
            return given[0][1]
    return None


def _like_model(
    type: MessageType, node: Block, model: Block, problems: list[BindProblem]
) -> Message | None:
    """Return a message that shares what is in a block's model; None where that does not fit.

    What the model is in a schema is found out once, behind each sequence of names.
    """
    groups = () if node.head is None else _groups_of(node.head)
    form = type, groups[2::3], groups[4::3]
    reading: Any = model.readings.get(form, False)
    if reading is False:
        reading = model.readings[form] = _reading(model, *form)
    if reading is None:
        return None
    found = _new(Message)
    found.type, found._node, found._path, found.inner = type, node, (), {}
    found._groups = groups
    found.given, found._named, unknown = reading
    if unknown:
        problems.extend(problem.placed(node) for problem in unknown)
    return found


def _groups_of(head: Match[str]) -> _Groups:
    """Return what is matched in the first lines of a layer, as it is read."""
    groups = head.groups()
    if head.string.isascii():
        return groups
    # Text has one character per byte: more than one for a letter that is not ASCII.
    return tuple(text and utf8(text.encode("latin-1")) for text in groups)


def _reading(
    model: Block, type: MessageType, names: _Groups, words: _Groups
) -> tuple[_Values, _Named, list[BindProblem]] | None:
    """Return what a model holds, what stands before it, and its unknown fields.

    None where more does not fit.
    """
    problems: list[BindProblem] = []
    values = _bind(type, None, model.children, problems).given
    known = all(problem.kind is ProblemKind.UNKNOWN_FIELD for problem in problems)
    named = _named(type, names, words)
    if not known or type.required or named is None or not named.keys().isdisjoint(values):
        return None
    return values, named, problems


@lru_cache(maxsize=256)
def _named(type: MessageType, names: _Groups, words: _Groups) -> _Named | None:
    """Return which groups of a head are the values of a field; None where they do not fit it."""
    found: _Named = {}
    for i, (name, word) in enumerate(zip(names, words, strict=True)):
        if name is None:
            break
        field = type.fields.get(name)
        if field is None or (name in found and not field.repeated):
            return None
        if not (field.kind == "string" if word is None else field.read(word) == word):
            return None
        at = 3 * i + (3 if word is None else 4)
        before = found.get(name, slice(at, at))
        if before.stop != at:
            return None
        found[field.name] = slice(before.start, at + 3, 3)
    return found


def _bind_list(
    message: Message, field: FieldType, node: ListValue, problems: list[BindProblem]
) -> None:
    """Add the items of a list to a message; a field that takes one value takes no list.

    An empty list without a colon is one of messages (ConsumeField in
    src/google/protobuf/text_format.cc @ v3.21).
    """
    of_messages = not (node.items or node.colon)
    if not field.repeated or (of_messages and field.kind != "message"):
        problems.append(BindProblem(ProblemKind.WRONG_VALUE, node, message.type, field))
        return
    found = message.given.setdefault(node.name, [])
    for item in node.items:
        value = _value(message.type, field, item, problems)
        if value is not None:
            found.append((value, item))


def _value(
    type: MessageType, field: FieldType, node: Scalar | Block, problems: list[BindProblem]
) -> Message | Value | None:
    """Return the value of one node, or None where it is not clear; add a problem for a misfit."""
    if isinstance(node, Block):
        if field.kind == "message":
            found = node.model and _like_model(field.message, node, node.model, problems)
            return found or _bind(field.message, node, node.children, problems)
        problems.append(BindProblem(ProblemKind.WRONG_VALUE, node, type, field))
        return None
    if not node.raw:
        return None
    if field.kind != "message":
        value = field.known.get(node.raw)
        if value is None:
            value = field.read(node.raw)
        if value is not None:
            return value
    guess = None if field.kind == "message" else field.guess(node.raw)
    problems.append(BindProblem(ProblemKind.WRONG_VALUE, node, type, field, guess=guess))
    return guess


def to_protobuf(message: Message) -> ProtobufMessage:
    """Return the same message as a protobuf one, in its schema's private pool.

    Raises ValueError where a singular field is given twice.
    """
    result = message.type.schema.message_class(message.type.name)()
    _fill(message, result)
    return result


def _fill(message: Message, target: ProtobufMessage) -> None:
    for name, found in message.values.items():
        field = message.type.fields[name]
        if not field.repeated and len(found) > 1:
            raise ValueError(f"'{name}' is given {len(found)} times in one {message.type.name}")
        for value, _ in found:
            if isinstance(value, Message):
                inner = getattr(target, name)
                if field.repeated:
                    inner = inner.add()
                else:
                    inner.SetInParent()
                _fill(value, inner)
                continue
            content = field.enum.numbers[str(value)] if field.kind == "enum" else value
            if field.repeated:
                getattr(target, name).append(content)
            else:
                setattr(target, name, content)
