"""Gamma and beta: which statistics a BatchNorm uses, and edits that move scale and shift."""

from __future__ import annotations

from protolint.edit import Edit, LaterEdits
from protolint.layers.layer import Layer
from protolint.names import Names
from protolint.net.net import Net
from protolint.text.insert import NewLayer, insert_after
from protolint.text.tree import Block, Scalar
from protolint.text.write import append_field, quote, replace_value

from ._statistics import norm_of, obeys_global_stats


def uses_stored_statistics(net: Net, batchnorm: Layer) -> bool:
    """Whether the layer says `use_global_stats: true` and this Caffe obeys it."""
    stored = norm_of(net, batchnorm).use_global_stats is True
    return stored and obeys_global_stats(net, batchnorm)


def collects_statistics(net: Net, batchnorm: Layer) -> bool:
    """Whether the layer trains with the statistics of each batch."""
    return not uses_stored_statistics(net, batchnorm) and net.is_active(batchnorm, "TRAIN")


def set_field(net: Net, layer: Layer, parameter: str, field: str, value: str) -> Edit:
    """Return the edit that sets a field of a layer's parameter message, or adds it."""
    message = layer.parameter(parameter)
    if message is None or message.node is None:
        lines = [f"{parameter} {{", f"\t{field}: {value}", "}"]
        return append_field(net.source, layer.node, lines)
    node = message.node_of(field) if field in message else None
    if isinstance(node, Scalar):
        return replace_value(node, value)
    return append_field(net.source, message.node, [f"{field}: {value}"])


def scale_below(net: Net, batchnorm: Layer, fields: list[str], names: Names) -> LaterEdits | None:
    """Return the edit, made later, that puts a Scale layer, in place, right below a BatchNorm.

    `fields` are the lines of its `scale_param`, `names` those of the layers. None where
    the layer has phase rules, which the new one would have to share, or stands in a list.
    """
    node = batchnorm.node
    if batchnorm.include or batchnorm.exclude or len(batchnorm.tops) != 1:
        return None
    if node.in_list:
        return None
    wanted = f"{batchnorm.name}_scale"
    name = names.free(f"{wanted}_" if wanted in names else wanted)
    blob = quote(batchnorm.tops[0].name)
    head = [f"name: {quote(name)}", 'type: "Scale"', f"bottom: {blob}", f"top: {blob}"]
    inner = ["scale_param {", *(f"\t{field}" for field in fields), "}"]
    lines = ("layer {", *(f"\t{line}" for line in head + inner), "}")
    return LaterEdits(_inserted, net, node, NewLayer(lines))


def _inserted(net: Net, node: Block, layer: NewLayer) -> list[Edit]:
    return [insert_after(net.source, node, [layer])]
