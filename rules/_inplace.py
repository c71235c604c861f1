"""The fix that gives an in-place layer a blob of its own."""

from __future__ import annotations

from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.names import Names
from protolint.net.net import Net
from protolint.net.rename import rename_top
from protolint.net.view import BlobVersion, View

#: In-place layers on one blob; five are usual (convolution to dropout).
_LONGEST_CHAIN = 16


def own_top(net: Net, layer: Layer, index: int) -> Fix | None:
    """Return the fix that gives an in-place layer a top of its own, or None where none is right.

    Nor is one made where very many in-place layers follow, each of which would be renamed.
    """
    if layer.bottoms[index].name != layer.tops[index].name:
        return None  # another top of it is in place
    if any(_is_long_chain(view, view.tops[layer.index][index]) for view in net.views_of(layer)):
        return None
    name = Names(net.blob_names).free(layer.name or layer.type.lower())
    edits = rename_top(net, layer, index, name)
    bottom = layer.bottoms[index].node
    if not edits or any(bottom.start <= edit.start < bottom.end for edit in edits):
        return None
    return Fix(f"Write to a new blob '{name}'", tuple(edits))


def _is_long_chain(view: View, version: BlobVersion) -> bool:
    for _ in range(_LONGEST_CHAIN):
        tops = (top for reader in version.readers for top in view.tops[reader.index])
        below = next((top for top in tops if top.overwritten is version), None)
        if below is None:
            return False
        version = below
    return True
