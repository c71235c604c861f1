"""The BatchNorms of SegNet, ENet, yjxiong's Caffe and PSPNet (type BN), which no importer reads.

With stored statistics such a layer multiplies each channel and adds to it, as a Scale does, and
so it becomes one: of what it stores (scale and shift in INFERENCE mode of SegNet's layer; slope,
bias, mean and variance of the others) the factor and the summand are worked out in float64.
Sources: bn_layer.cpp @ alexgkendall/caffe-segnet, TimoSaemann/caffe-segnet-cudnn5, yjxiong/caffe,
hszhao/PSPNet.
"""

from __future__ import annotations

from collections.abc import Collection

from protolint.batchnorm.reference import fold
from protolint.caffe.field_numbers import LayerField, NetField, ScaleField
from protolint.conversion.numbers.model import Model
from protolint.edit import Edit
from protolint.layers.layer import Layer
from protolint.source import Source
from protolint.text.tree import Block, Node, Scalar
from protolint.text.write import append_field, delete_fields, quote, replace_value
from protolint.weights.blobs import encode_blob
from protolint.weights.splice import Change, message
from protolint.wire import length_delimited, varint_field

__all__ = ["as_scale", "is_fork_norm", "normalises_by_batch", "scale_changes"]

_TYPE, _PARAM = "BN", "bn_param"
#: Fields of bn_param that SegNet's layer has and the others have not.
_OF_SEGNET = frozenset({"bn_mode", "shift_filler"})


def is_fork_norm(layer: Layer) -> bool:
    """Whether a layer is a BatchNorm of these forks."""
    return layer.type == _TYPE


def _inside(layer: Layer) -> list[Node]:
    blocks = [n for n in layer.node.children if n.name == _PARAM and isinstance(n, Block)]
    return [child for block in blocks for child in block.children]


def normalises_by_batch(layer: Layer) -> bool:
    """Whether it is SegNet's layer in LEARN mode, its default: each batch counts in TEST too."""
    inside = _inside(layer)
    modes = [n.raw for n in inside if n.name == "bn_mode" and isinstance(n, Scalar)]
    of_segnet = any(node.name in _OF_SEGNET for node in inside)
    return of_segnet and modes[-1:] != ["INFERENCE"]


def as_scale(source: Source, layer: Layer) -> list[Edit]:
    """Return the edits that make such a layer a Scale."""
    children = layer.node.children
    params = [child for child in children if child.name == _PARAM]
    edits = delete_fields(source, [c for c in children if c.name == "param"])
    if isinstance(layer.type_node, Scalar):
        edits.append(replace_value(layer.type_node, quote("Scale")))
    if params:
        first, *rest = params
        edits.append(Edit(first.start, first.end, "scale_param { bias_term: true }"))
        edits += delete_fields(source, rest)
    else:
        edits.append(append_field(source, layer.node, ["scale_param {", "\tbias_term: true", "}"]))
    return edits


def scale_changes(model: Model, names: Collection[str]) -> list[Change]:
    """Return the changes that make such layers of a model Scale layers, those of these names."""
    changes = []
    for position, norm in model.norms.items():
        entry = model.index.layers[position]
        if entry.name not in names:
            continue
        found = fold(norm.state)
        parts = [
            length_delimited(LayerField.NAME, _bytes(entry.name)),
            length_delimited(LayerField.TYPE, b"Scale"),
            *(length_delimited(LayerField.BOTTOM, _bytes(name)) for name in entry.bottoms),
            *(length_delimited(LayerField.TOP, _bytes(name)) for name in entry.tops),
            *(
                length_delimited(LayerField.BLOBS, encode_blob(values))
                for values in (found.scale, found.shift)
            ),
            length_delimited(LayerField.SCALE_PARAM, varint_field(ScaleField.BIAS_TERM, 1)),
        ]
        changes.append(Change(*entry.field, message(NetField.LAYER, parts)))
    return changes


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
