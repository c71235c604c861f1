"""Layers of the V0 form, written as current ones with their comments."""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.caffe.legacy import V0_KEPT, V0_TYPES, V1_PARAM_FIELDS, v0_place
from protolint.record import NamedTuple
from protolint.source import Source
from protolint.text.comments import Item, items, lines_of
from protolint.text.tree import Block, Node, Scalar
from protolint.text.write import quote
from protolint.upgrading.padding import OldLayer
from protolint.upgrading.params import OldParams, old_params, values_of
from protolint.upgrading.report import Loss, refusal

__all__ = ["NewLayer", "layer_lines", "old_layer"]


class NewLayer(NamedTuple):
    """A layer of today: its lines, indented by one tab a level, and what it has lost."""

    lines: tuple[str, ...]
    losses: tuple[Loss, ...]


def old_layer(message: Message) -> OldLayer:
    """Return what counts of one of `layers` for padding."""
    inner = message.message("layer")
    return OldLayer(
        inner.text("name") if inner is not None else message.text("name"),
        inner.text("type") if inner is not None else "",
        tuple(message.texts("bottom")),
        tuple(message.texts("top")),
    )


def layer_lines(source: Source, message: Message, node: Block, padding: Message | None) -> NewLayer:
    """Return one of `layers` of a V0 net as a current layer.

    `padding` is the padding layer that it reads. Raises InputError for a type that
    UpgradeV0LayerType (src/caffe/util/upgrade_proto.cpp @ BVLC master) refuses.
    """
    writer = _Writer(source, message, padding)
    found, rest = items(source, node)
    for item in found:
        writer.outer(item)
    if padding is not None:
        writer.add_padding()
    head = "layer {" if not node.in_list else "{"
    inside = [line for lines in writer.written for line in lines]
    lines = (head, *(f"\t{line}" for line in (*inside, *rest)), "}")
    return NewLayer(lines, tuple(writer.losses))


class _Writer:
    """The lines of one layer, field by field; those of one parameter message stand together."""

    def __init__(self, source: Source, message: Message, padding: Message | None) -> None:
        self.source = source
        self.padding = padding
        self.inner = message.message("layer")
        self.type = self.inner.text("type") if self.inner is not None else ""
        self.written: list[list[str]] = []
        self.groups: dict[str, list[str]] = {}
        self.losses: list[Loss] = []
        self.params = OldParams("", ())
        self.at = 0

    def outer(self, item: Item) -> None:
        """Write a field of the message around the V0 layer."""
        node = item.node
        if node.name == "layer" and isinstance(node, Block):
            self.written.append(list(item.lead))
            inside, rest = items(self.source, node)
            self.params = old_params(
                each.node for each in inside if each.node.name in ("blobs_lr", "weight_decay")
            )
            for each in inside:
                self._field(each)
            self.written.append([*rest, *filter(None, [item.trail])])
        elif node.name == "bottom" and self.padding is not None:
            bottom = self.padding.nodes_of("bottom")[0]
            value = values_of(bottom)[0]
            self.written.append([*item.lead, _with(f"bottom: {value}", item.trail)])
        elif node.name in ("bottom", "top"):
            self.written.append(lines_of(self.source, item))
        else:
            self._drop(item, "stands beside `layer`, where nothing reads it")

    def _field(self, item: Item) -> None:
        """Write a field of the V0 layer."""
        node = item.node
        if node.name == "type":
            self.written.append([*item.lead, _with(f"type: {quote(self._type(node))}", item.trail)])
        elif node.name in V1_PARAM_FIELDS:
            self._param(item)
        elif node.name in V0_KEPT:
            self.written.append(lines_of(self.source, item))
        else:
            place = v0_place(self.type, node.name)
            if place is None:
                self._drop(item, f"means nothing to a layer of type '{self.type}'")
            elif not place[1]:
                self.written.append(lines_of(self.source, item, place[0]))
            else:
                self._into(place[0], self._line(item, place[1]))

    def _type(self, node: Node) -> str:
        if self.type not in V0_TYPES:
            raise refusal(
                self.source,
                node,
                f"'{self.type}' is no type of a V0 layer; Caffe aborts: Unknown layer name",
            )
        return V0_TYPES[self.type]

    def _line(self, item: Item, name: str) -> list[str]:
        if name == "pad" and self.padding is not None:
            return [*item.lead, _with(f"pad: {self._pad()}", item.trail)]
        return lines_of(self.source, item, name)

    def _param(self, item: Item) -> None:
        """Write the `param` blocks that belong at a field."""
        lines = list(item.lead)
        if item.node.name == self.params.anchor:
            count = len(values_of(item.node))
            for inside in self.params.blocks[self.at : self.at + count]:
                lines += ["param {", *(f"\t{line}" for line in inside), "}"]
            self.at += count
            lines[-1:] = [_with(line, item.trail) for line in lines[-1:]]
        elif item.trail:
            lines.append(item.trail)
        self.written.append(lines)

    def _into(self, parameter: str, lines: list[str]) -> None:
        group = self.groups.get(parameter)
        if group is None:
            # The list is the group's own, and grows where it stands.
            group = self.groups[parameter] = [f"{parameter} {{", "}"]
            self.written.append(group)
        group[-1:-1] = [f"\t{line}" for line in lines]

    def add_padding(self) -> None:
        """Write the pad of the padding layer, if the layer had none to replace."""
        if self.inner is not None and "pad" not in self.inner:
            parameter, name = v0_place(self.type, "pad") or ("", "")
            self._into(parameter, [f"{name}: {self._pad()}"])

    def _pad(self) -> str:
        inner = self.padding.message("layer") if self.padding is not None else None
        node = inner.node_of("pad") if inner is not None else None
        return node.raw if isinstance(node, Scalar) else "0"

    def _drop(self, item: Item, why: str) -> None:
        self.losses.append(Loss(item.node, f"{item.node.name} {why}; it is dropped"))
        self.written.append([*item.lead, *filter(None, [item.trail])])


def _with(line: str, trail: str) -> str:
    return f"{line}  {trail}" if trail else line
