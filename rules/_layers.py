"""Words and edits that several rules share."""

from __future__ import annotations

from protolint.caffe.legacy import V1_TYPES
from protolint.edit import Applicability, Fix, LaterEdits
from protolint.layers.layer import Layer, ParamSpec
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import delete_fields
from protolint.words import titled


def named(layer: Layer) -> str:
    """How a message calls a layer."""
    return titled(layer.name, layer.type)


def is_old_type_word(layer: Layer) -> bool:
    """Whether a `layer` has a word of the old enum as its type, as in `type: CONVOLUTION`."""
    if layer.generation != 2 or layer.type not in V1_TYPES:
        return False
    node = layer.type_node
    return isinstance(node, Scalar) and node.raw == layer.type


def delete_params(
    net: Net,
    params: list[ParamSpec],
    title: str,
    applicability: Applicability = Applicability.SAFE,
) -> Fix | None:
    """Return the fix that takes `param` blocks out; None where they are items of a list."""
    nodes = [param.message.node for param in params if param.message.node is not None]
    if any(node.in_list for node in nodes):
        return None
    return Fix(title, LaterEdits(delete_fields, net.source, nodes), applicability)
