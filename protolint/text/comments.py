"""Comments: where they are, and edits that lose none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from protolint.edit import Edit
from protolint.record import NamedTuple
from protolint.source import Source, Span
from protolint.text.style import line_end, line_start
from protolint.text.tree import Block, ListValue, Node, Scalar

__all__ = ["Item", "comments_in", "items", "keep_comments", "lines_of", "trail", "verbatim"]

_TOKEN = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|#[^\n]*")


def verbatim(source: Source, start: int, end: int) -> str:
    """Return bytes of a file for an edit; those that are no UTF-8 come back unchanged."""
    return source.data[start:end].decode("utf-8", "surrogateescape")


def comments_in(source: Source, start: int, end: int) -> list[Span]:
    """Return the comments in a range that does not begin inside a string, without line ends."""
    if "#" not in source.text[start:end]:
        return []
    found = []
    for match in _TOKEN.finditer(source.text, start, end):
        if match[0].startswith("#"):
            stop = match.end() - (1 if match[0].endswith("\r") else 0)
            found.append(Span(match.start(), stop))
    return found


_TRAIL = re.compile(r"[ \t]*[,;]?[ \t]*(#[^\r\n]*)")


def trail(source: Source, node: Node) -> Span | None:
    """Return the comment behind a field on its line, if there is one."""
    match = _TRAIL.match(source.text, node.end)
    return Span(*match.span(1)) if match is not None else None


class Item(NamedTuple):
    """A field of a message with the comments that go with it.

    `lead` are those on lines of their own above it, `trail` the one behind it, or "".
    """

    lead: tuple[str, ...]
    node: Node
    trail: str


def items(source: Source, block: Block) -> tuple[list[Item], tuple[str, ...]]:
    """Return the fields of a message with their comments, and the comments below the last one."""
    found: list[Item] = []
    lead: list[str] = []
    at = block.value_start + 1
    end = block.end - 1 if block.closed else block.end
    for child in (*block.children, None):
        stop = child.start if child is not None else end
        for span in comments_in(source, at, stop):
            text = verbatim(source, *span)
            if found and "\n" not in source.text[found[-1].node.end : span.start]:
                found[-1] = found[-1]._replace(trail=text)
            else:
                lead.append(text)
        if child is not None:
            found.append(Item(tuple(lead), child, ""))
            lead = []
            at = child.end
    return found, tuple(lead)


def lines_of(source: Source, item: Item, name: str = "") -> list[str]:
    """Return a field with its comments as lines, indented by one tab a level.

    `name` is another name for it. What is written on one line stays as it is written.
    """
    node = item.node
    name = name or node.name
    whole = source.text[node.value_start : node.end]
    if "\n" not in whole and "#" not in whole:
        colon = "" if isinstance(node, Block) and "{" in whole[:1] else ":"
        body = [f"{name}{colon} {verbatim(source, node.value_start, node.end)}"]
    elif isinstance(node, Scalar):
        body = [f"{name}: {node.raw.encode('latin-1').decode('utf-8', 'surrogateescape')}"]
    elif isinstance(node, ListValue):
        body = [line for inner in node.items for line in lines_of(source, Item((), inner, ""))]
    else:
        inner_items, rest = items(source, node)
        inner = [line for each in inner_items for line in lines_of(source, each)]
        body = [f"{name} {{", *(f"\t{line}" for line in (*inner, *rest)), "}"]
    if item.trail:
        body[-1] += f"  {item.trail}"
    return [*item.lead, *body]


def keep_comments(
    source: Source, edits: Iterable[Edit], moved: Sequence[Span] = ()
) -> tuple[Edit, ...]:
    """Return the same edits, which now keep the comments that they would have taken out.

    Such a comment stands on a line of its own where it was. `moved` are comments that another
    edit has put elsewhere.
    """
    return tuple(_keeping(source, edit, moved) for edit in edits)


def _keeping(source: Source, edit: Edit, moved: Sequence[Span]) -> Edit:
    kept = sorted(edit.text[a.start() : a.end()].rstrip("\r") for a in _found(edit.text))
    counts = {text: len(list(group)) for text, group in groupby(kept)}
    missing = []
    for span in comments_in(source, edit.start, edit.end):
        text = verbatim(source, *span)
        if counts.get(text, 0):
            counts[text] -= 1
        elif span not in moved:
            missing.append(text)
    if not missing:
        return edit
    before = source.text[line_start(source, edit.start) : edit.start]
    region = source.text[edit.start : edit.end]
    indent = before + region[: len(region) - len(region.lstrip(" \t"))]
    alone = not indent.strip()
    between = line_end(source)
    head = (indent[len(before) :] if alone else " ") + missing[0] + between
    rest = "".join(f"{indent if alone else ''}{text}{between}" for text in missing[1:])
    again = before if alone and edit.text else ""
    return Edit(edit.start, edit.end, head + rest + again + edit.text)


def _found(text: str) -> list[re.Match[str]]:
    return [match for match in _TOKEN.finditer(text) if match[0].startswith("#")]
