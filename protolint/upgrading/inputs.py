"""`input`, `input_dim` and `input_shape` as one Input layer."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.caffe.binder import Message
from protolint.edit import Edit
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.comments import comments_in, items, lines_of, trail, verbatim
from protolint.text.style import UNIT, begins_line, indented, line_end, line_start, unit_of
from protolint.text.tree import Block, ListValue, Node, Tree
from protolint.text.write import delete_fields
from protolint.upgrading.params import values_of
from protolint.upgrading.report import Loss, refusal

__all__ = ["NewInputs", "new_inputs"]

_FIELDS = ("input", "input_dim", "input_shape")
_DIMS = 4


class NewInputs(NamedTuple):
    """The edits that make the inputs of a net a layer, and the inputs that are dropped.

    `moved` are the comments that go into the layer.
    """

    edits: list[Edit]
    losses: list[Loss]
    moved: list[Span]


def new_inputs(
    tree: Tree, net: Message, first_layer: Node | None, *, with_shapes: bool = True
) -> NewInputs:
    """Return what becomes of the inputs of a net; `with_shapes` whether input_shape counts.

    Those without any shape are dropped, since a net in a weight file may name its inputs alone
    (UpgradeNetInput in src/caffe/util/upgrade_proto.cpp @ BVLC master). Raises InputError where
    shapes are missing.
    """
    fields = _FIELDS if with_shapes else _FIELDS[:2]
    nodes = [child for child in tree.children if child.name in fields]
    named = [node for node in nodes if node.name == "input"]
    if not named or not net.texts("input"):
        return NewInputs([], [], [])
    names = [value for node in named for value in values_of(node)]
    edits = delete_fields(tree.source, nodes)
    shapes = _shapes(tree.source, net, nodes, len(names), named[0])
    if not shapes:
        losses = [
            Loss(node, f"input {value} has no shape; it is dropped")
            for node in named
            for value in values_of(node)
        ]
        return NewInputs(edits, losses, [])
    lines = [
        "layer {",
        '\tname: "input"',
        '\ttype: "Input"',
        *(f"\ttop: {name}" for name in names),
        "\tinput_param {",
        *(f"\t\t{line}" for shape in shapes for line in ("shape {", *_in(shape), "}")),
        "\t}",
        "}",
    ]
    like = next((child for child in tree.children if isinstance(child, Block)), None)
    unit = UNIT if like is None else unit_of(tree.source, like)
    text = "".join(f"{line}{line_end(tree.source)}" for line in indented(lines, "", unit))
    place = nodes[0]
    if first_layer is not None and first_layer.start < place.start:
        place = first_layer
    return NewInputs([_above(tree.source, place, text), *edits], [], _moved(tree.source, nodes))


def _moved(source: Source, nodes: Sequence[Node]) -> list[Span]:
    """Return the comments that the lines of shapes take along."""
    found = [span for node in nodes if node.name == "input_shape" for span in _inside(source, node)]
    trails = (trail(source, node) for node in nodes if node.name == "input_dim")
    return [*found, *(span for span in trails if span is not None)]


def _inside(source: Source, node: Node) -> list[Span]:
    return comments_in(source, node.value_start, node.end)


def _in(lines: Sequence[str]) -> list[str]:
    return [f"\t{line}" for line in lines]


def _above(source: Source, node: Node, text: str) -> Edit:
    """Return the edit that puts lines above a field."""
    if not begins_line(source, node.start):
        return Edit(node.start, node.start, line_end(source) + text)
    start = line_start(source, node.start)
    return Edit(start, start, text)


def _shapes(
    source: Source, net: Message, nodes: Sequence[Node], count: int, first: Node
) -> list[list[str]]:
    """Return the lines inside each `shape`; none where no input has one."""
    given = [node for node in nodes if node.name == "input_shape"]
    if given and "input_shape" in net:
        blocks = [
            block
            for node in given
            for block in (node.items if isinstance(node, ListValue) else [node])
            if isinstance(block, Block)
        ]
        if len(blocks) < count:
            raise refusal(source, first, f"{count} inputs, but {len(blocks)} input_shape")
        return [_block_lines(source, block) for block in blocks[:count]]
    if "input_dim" not in net:
        return []
    dims = [line for node in nodes if node.name == "input_dim" for line in _dims(source, node)]
    wanted = _DIMS * count
    if len(dims) < wanted:
        raise refusal(
            source, first, f"{count} inputs need {wanted} input_dim, but there are {len(dims)}"
        )
    return [dims[i : i + _DIMS] for i in range(0, wanted, _DIMS)]


def _block_lines(source: Source, block: Block) -> list[str]:
    inside, rest = items(source, block)
    return [*(line for item in inside for line in lines_of(source, item)), *rest]


def _dims(source: Source, node: Node) -> list[str]:
    """Return a `dim` line for each value of an `input_dim`, with the comment behind it."""
    lines = [f"dim: {value}" for value in values_of(node)]
    span = trail(source, node)
    if span is not None and lines:
        lines[-1] += f"  {verbatim(source, *span)}"
    return lines
