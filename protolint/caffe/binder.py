"""Binding a tree to a schema: typed messages that know where each field stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from protolint.caffe.descriptors import FieldType, MessageType, Value
from protolint.record import NamedTuple
from protolint.text.tree import Block, ListValue, Node, Scalar

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtobufMessage

__all__ = ["BindProblem", "Message", "ProblemKind", "bind", "to_protobuf"]

_T = TypeVar("_T")
_Values = dict[str, "list[tuple[Message | Value, Scalar | Block]]"]

#: Makes what holds the values of a message, if not a dict: `field_names` looks at each name.
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


class Message:
    """A message as the text gives it.

    `values` holds every value by its field's name, each with the node it is written in; a
    list given empty is a field that is given, without values.

    Getters take a field's name and give the schema's default where the field is not set,
    and the type's zero where this dialect has no such field. A singular field that is
    given twice reads as the first.
    """

    __slots__ = ("node", "type", "values")

    def __init__(self, type: MessageType, node: Block | None) -> None:
        self.type = type
        self.node = node
        self.values: _Values = {} if new_values is None else new_values(type)

    def __repr__(self) -> str:
        return f"Message({self.type.name!r}, {list(self.values)})"

    def __contains__(self, name: str) -> bool:
        """Whether the field is given, with a value."""
        return bool(self.values.get(name))

    def node_of(self, name: str) -> Scalar | Block | None:
        """Where the field is first given, or None."""
        found = self.values.get(name)
        return found[0][1] if found else None

    def nodes_of(self, name: str) -> list[Scalar | Block]:
        """Every place the field is given."""
        return [node for _, node in self.values.get(name, ())]

    def message(self, name: str) -> Message | None:
        """Return the message in a field, or None where it is not given."""
        found = self.values.get(name)
        value = found[0][0] if found else None
        return value if isinstance(value, Message) else None

    def messages(self, name: str) -> list[Message]:
        """Return the messages in a repeated field."""
        return self._all(name, Message)

    def text(self, name: str) -> str:
        """Return the string, or the name of the enum value, in a field."""
        value = self._one(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Return the strings, or names of enum values, in a repeated field."""
        return self._all(name, str)

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
        return [float(v) for v, _ in self.values.get(name, ()) if isinstance(v, (int, float))]

    def flag(self, name: str) -> bool:
        """Return the bool in a field."""
        return self._one(name) is True

    def items(self) -> Iterator[tuple[str, Message | Value, Scalar | Block]]:
        """Every value given: field name, value, place; repeated fields value by value."""
        for name, values in self.values.items():
            for value, node in values:
                yield name, value, node

    def _one(self, name: str) -> Message | Value | None:
        found = self.values.get(name)
        if found:
            return found[0][0]
        field = self.type.fields.get(name)
        return None if field is None or field.kind == "message" else field.default

    def _all(self, name: str, kind: type[_T]) -> list[_T]:
        return [value for value, _ in self.values.get(name, ()) if isinstance(value, kind)]


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
    values = message.values
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
    found = message.values.setdefault(node.name, [])
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
            return _bind(field.message, node, node.children, problems)
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
