"""Blobs and layers of a net: where one is made and read, what it is, and its other name."""

from __future__ import annotations

from collections.abc import Iterator

from protolint.errors import UsageError
from protolint.layers.layer import BlobName, Layer
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import BlobVersion
from protolint.record import NamedTuple
from protolint.source import Span
from protolint.text.tree import Block, Scalar
from protolint.text.write import quote

__all__ = [
    "Symbol",
    "blob_at",
    "definition",
    "describe_blob",
    "folds",
    "outline",
    "references",
    "rename",
    "rename_alike",
]


class Symbol(NamedTuple):
    """A layer in the outline of a net."""

    name: str
    detail: str
    whole: Span
    head: Span


def _names(net: Net) -> Iterator[tuple[Layer, bool, int, BlobName]]:
    """Yield each bottom and top of a net: the layer, whether it is a top, its index."""
    for layer in net.layers:
        for i, bottom in enumerate(layer.bottoms):
            yield layer, False, i, bottom
        for i, top in enumerate(layer.tops):
            yield layer, True, i, top


def blob_at(net: Net, offset: int) -> tuple[Layer, bool, int, BlobName] | None:
    """Return the bottom or top at an offset, None where there is none."""
    for found in _names(net):
        span = found[3].span
        if span.start <= offset <= span.end:
            return found
    return None


def _versions(net: Net, layer: Layer, index: int, *, top: bool) -> list[BlobVersion]:
    """Return what a bottom or top is in each state that has the layer."""
    found = []
    for view in net.views:
        versions = (view.tops if top else view.bottoms).get(layer.index, ())
        version = versions[index] if index < len(versions) else None
        if version is not None and version not in found:
            found.append(version)
    return found


def definition(net: Net, offset: int) -> list[Span]:
    """Return where the layers that make the blob at an offset name it, one for each state."""
    found = blob_at(net, offset)
    if found is None:
        return []
    layer, top, index, _ = found
    spans = []
    for version in _versions(net, layer, index, top=top):
        if version.producer is not None:
            spans += [t.span for t in version.producer.tops if t.name == version.name]
        else:
            spans += [n.span for n in net.message.nodes_of("input") if _text(n) == version.name]
    return list(dict.fromkeys(spans))


def _text(node: Scalar | Block) -> str:
    return node.raw.strip("\"'") if isinstance(node, Scalar) else ""


def references(net: Net, offset: int) -> list[Scalar | Block]:
    """Return every place that names the blob at an offset, layers in place included, in order.

    Two blobs of one name, the second of which overwrites the first other than in place, are
    two; a place that means either, in different states, belongs to both.
    """
    found = blob_at(net, offset)
    if found is None:
        return []
    groups: dict[int, set[int]] = {}
    nodes: dict[int, Scalar | Block] = {}
    for view in net.views:
        roots: dict[int, int] = {}
        for version in _all(view.tops, view.inputs):
            roots[id(version)] = id(version)
            if version.overwritten is not None:
                roots[id(version)] = roots.get(id(version.overwritten), id(version.overwritten))
        for layer in view.layers:
            pairs = [*zip(layer.bottoms, view.bottoms[layer.index], strict=True)]
            pairs += zip(layer.tops, view.tops[layer.index], strict=True)
            for name, version_ in pairs:
                if version_ is not None:
                    groups.setdefault(roots[id(version_)], set()).add(name.node.start)
                    nodes[name.node.start] = name.node
        for version in view.inputs:
            for node in net.message.nodes_of("input"):
                if _text(node) == version.name:
                    groups.setdefault(id(version), set()).add(node.start)
                    nodes[node.start] = node
    wanted = {found[3].node.start}
    size = 0
    while size != len(wanted):
        size = len(wanted)
        for group in groups.values():
            if group & wanted:
                wanted |= group
    nodes.setdefault(found[3].node.start, found[3].node)
    return [nodes[start] for start in sorted(wanted)]


def _all(tops: dict[int, list[BlobVersion]], inputs: list[BlobVersion]) -> Iterator[BlobVersion]:
    yield from inputs
    for index in sorted(tops):
        yield from tops[index]


def rename(net: Net, offset: int, name: str) -> list[tuple[Span, str]]:
    """Return the values to write so that the blob or the layer at an offset has another name.

    A layer is renamed with the layers of its name in other states. Raises UsageError where the
    name is taken or empty, or nothing that has a name is there.
    """
    if not name or "\n" in name:
        raise UsageError("a name is one line and not empty")
    layer = _layer_named_at(net, offset)
    if layer is not None:
        if any(other.name == name for other in net.layers):
            raise UsageError(f"the net has a layer '{name}' already")
        written = [twin.message.node_of("name") for twin in _twins(net, layer)]
        return [(Span(one.value_start, one.end), quote(name)) for one in written if one is not None]
    nodes = references(net, offset)
    if not nodes:
        raise UsageError("no blob and no layer's name is here")
    if name in net.blob_names:
        raise UsageError(f"the net has a blob '{name}' already")
    return [(Span(node.value_start, node.end), quote(name)) for node in nodes]


def _layer_named_at(net: Net, offset: int) -> Layer | None:
    """Return the layer whose name is written at an offset."""
    for layer in net.layers:
        node = layer.message.node_of("name")
        if isinstance(node, Scalar) and node.start <= offset <= node.end:
            return layer
    return None


def _twins(net: Net, layer: Layer) -> list[Layer]:
    """Return a layer and those of its name that no state has beside it."""
    beside = {other.index for view in net.views_of(layer) for other in view.layers}
    return [
        other
        for other in net.layers
        if other is layer or (other.name == layer.name and other.index not in beside)
    ]


def rename_alike(net: Net, offset: int, name: str, other: Net) -> list[tuple[Span, str]]:
    """Return what to write in another net of the same model, where it has the layer or the blob.

    A blob is the same where a layer of the same name names it so. Raises UsageError where the
    other net has that name for something else.
    """
    layer = _layer_named_at(net, offset)
    if layer is not None:
        alike = (one.message.node_of("name") for one in other.layers if one.name == layer.name)
        start = next((one.start for one in alike if one is not None), None)
        return [] if start is None else _renamed(other, start, name)
    found = blob_at(net, offset)
    if found is None:
        return []
    used = {node.start for node in references(net, offset)}
    uses = {
        (user.name, top, index) for user, top, index, blob in _names(net) if blob.node.start in used
    }
    for user, top, index, blob in _names(other):
        if (user.name, top, index) in uses and blob.name == found[3].name:
            return _renamed(other, blob.node.start, name)
    return []


def _renamed(net: Net, offset: int, name: str) -> list[tuple[Span, str]]:
    try:
        return rename(net, offset, name)
    except UsageError as error:
        raise UsageError(f"{net.source.path}: {error}") from None


def describe_blob(net: Net, offset: int) -> tuple[Span, str] | None:
    """Return a line for each state on the blob at an offset: its shape, its writer and readers."""
    found = blob_at(net, offset)
    if found is None:
        return None
    layer, top, index, blob = found
    lines = [f"**{blob.name}** (blob)"]
    for view in net.views:
        versions = (view.tops if top else view.bottoms).get(layer.index, ())
        version = versions[index] if index < len(versions) else None
        if version is None:
            continue
        made = version.producer
        writer = "an input of the net" if made is None else f"made by `{made.name}` ({made.type})"
        readers = ", ".join(f"`{reader.name}`" for reader in version.readers) or "nobody"
        lines.append(f"{view.state}: {shapes(net, view)[version]}, {writer}, read by {readers}")
    return blob.span, "\n\n".join(lines)


def outline(net: Net) -> list[Symbol]:
    """Return the layers of a net, in order."""
    return [
        Symbol(layer.name or "(without a name)", layer.type, layer.node.span, layer.head)
        for layer in net.layers
    ]


def folds(nodes: list[Block]) -> list[Span]:
    """Return the blocks of a file, each from its name to its closing brace."""
    found = []
    stack = list(nodes)
    while stack:
        block = stack.pop()
        found.append(block.span)
        stack += [child for child in block.children if isinstance(child, Block)]
    return sorted(found)
