"""Layers of the V1 form, edited where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from protolint.caffe.binder import Message
from protolint.caffe.legacy import (
    FORK_V1_TYPES,
    TRANSFORM_FIELDS,
    TRANSFORMED_TYPES,
    V1_PARAM_FIELDS,
    V1_TYPES,
)
from protolint.edit import Edit
from protolint.source import Source, Span
from protolint.text.comments import keep_comments, trail, verbatim
from protolint.text.insert import insert_after_field, laid_out
from protolint.text.style import begins_line, is_one_line
from protolint.text.tree import Block, Node, Scalar
from protolint.text.write import append_field, delete_fields, quote, replace_value
from protolint.upgrading.params import old_params, values_of
from protolint.upgrading.report import refusal

__all__ = [
    "is_transformed",
    "misplaced_params",
    "param_edits",
    "transformed",
    "type_edits",
    "v1_type",
    "written_type",
]


def v1_type(message: Message) -> str:
    """Return the current type of a V1 layer, "" where it has none."""
    return V1_TYPES.get(message.text("type"), "")


def written_type(source: Source, message: Message, node: Block) -> tuple[Scalar, str] | None:
    """Return the field with the type of a V1 layer, and its current type; None where it has none.

    Raises InputError for one that no Caffe here knows.
    """
    written = next((child for child in node.children if child.name == "type"), None)
    if not isinstance(written, Scalar):
        return None
    name = V1_TYPES.get(message.text("type")) if "type" in message else None
    if name is None or written.raw[:1] in "\"'":
        name = FORK_V1_TYPES.get(written.raw)
    if name is None:
        raise refusal(
            source, written, f"no V1 layer has the type {written.raw}, so its new name is not known"
        )
    return written, name


def type_edits(source: Source, message: Message, node: Block) -> list[Edit]:
    """Return the edit that gives a layer its current type. Raises as written_type."""
    found = written_type(source, message, node)
    return [] if found is None else [replace_value(found[0], quote(found[1]))]


def param_edits(source: Source, node: Block) -> list[Edit]:
    """Return the edits that make `blobs_lr` and the like of a layer `param` blocks."""
    fields = [child for child in node.children if child.name in V1_PARAM_FIELDS]
    if not fields:
        return []
    params = old_params(fields)
    edits = delete_fields(source, [field for field in fields if field.name != params.anchor])
    at = 0
    for field in fields:
        if field.name == params.anchor:
            count = len(values_of(field))
            edits.append(_blocks(source, node, field, params.blocks[at : at + count]))
            at += count
    return edits


def misplaced_params(source: Source, node: Block) -> tuple[Edit, ...]:
    """Return the edits that make `blobs_lr` and the like in a current layer `param` blocks.

    None where the layer has such blocks already: which value is meant is not clear then.
    """
    if any(child.name == "param" for child in node.children):
        return ()
    return keep_comments(source, param_edits(source, node))


def _blocks(source: Source, layer: Block, field: Node, blocks: Sequence[Sequence[str]]) -> Edit:
    """Return the edit that writes `param` blocks over a field: on one line if that was shared."""
    end = source.text.find("\n", field.end)
    rest = source.text[field.end : end if end >= 0 else None].strip(" \t\r,;")
    shared = not begins_line(source, field.start) or (rest and not rest.startswith("#"))
    if shared or is_one_line(source, layer):
        text = " ".join(f"param {{ {' '.join(lines)} }}" for lines in blocks)
        return Edit(field.start, field.end, text)
    lines = [
        line for inside in blocks for line in ("param {", *(f"\t{each}" for each in inside), "}")
    ]
    return Edit(field.start, field.end, laid_out(source, lines, layer, depth=1).lstrip(" \t"))


def is_transformed(message: Message) -> bool:
    """Whether a V1 layer has an old data transformation."""
    parameter = TRANSFORMED_TYPES.get(v1_type(message))
    found = message.message(parameter) if parameter is not None else None
    return found is not None and any(field in found for field in TRANSFORM_FIELDS)


def transformed(source: Source, message: Message, node: Block) -> tuple[list[Edit], list[Span]]:
    """Return the edits that move an old data transformation, and the comments that go along.

    As in Caffe, each layer of such a type has both messages afterwards, perhaps empty.
    """
    parameter = TRANSFORMED_TYPES.get(v1_type(message))
    if parameter is None:
        return [], []
    old, new = message.message(parameter), message.message("transform_param")
    moved = [
        child
        for child in (old.node.children if old is not None and old.node is not None else ())
        if isinstance(child, Scalar) and child.name in TRANSFORM_FIELDS
    ]
    moved.sort(key=lambda child: TRANSFORM_FIELDS.index(child.name))
    edits = delete_fields(source, moved)
    if new is not None and new.node is not None:
        edits += _into(source, new, new.node, moved)
        if old is None:
            edits.append(append_field(source, node, [f"{parameter} {{", "}"]))
        return edits, []
    spans: list[Span] = []
    lines = ["transform_param {"]
    for child in moved:
        span = None if is_one_line(source, node) else trail(source, child)
        spans += [span] if span is not None else []
        after = f"  {verbatim(source, *span)}" if span is not None else ""
        lines.append(f"\t{_written(child)}{after}")
    lines.append("}")
    if old is None or old.node is None:
        edits.append(append_field(source, node, [f"{parameter} {{", "}", *lines]))
    else:
        edits.append(insert_after_field(source, node, old.node, lines))
    return edits, spans


def _written(field: Scalar) -> str:
    return f"{field.name}: {values_of(field)[0]}"


def _into(source: Source, new: Message, node: Block, moved: Sequence[Scalar]) -> list[Edit]:
    """Return the edits that put fields into a transform_param, over what it says."""
    edits, added = [], []
    for child in moved:
        there = new.node_of(child.name)
        if isinstance(there, Scalar):
            edits.append(replace_value(there, values_of(child)[0]))
        else:
            added.append(_written(child))
    if added:
        edits.append(append_field(source, node, added))
    return edits
