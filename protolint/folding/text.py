"""The text of a net without the layers that are folded."""

from __future__ import annotations

from collections.abc import Iterable

from protolint.edit import Edit
from protolint.folding.decide import PARAMETERS, Fold
from protolint.layers.layer import Layer
from protolint.source import Source
from protolint.text.insert import delete_layer
from protolint.text.tree import Scalar
from protolint.text.write import append_field, delete_fields, quote, replace_value

__all__ = ["fold_edits"]


def fold_edits(source: Source, folds: Iterable[Fold]) -> list[Edit]:
    """Return the edits that take folded layers out; the layer above writes what they wrote."""
    edits: list[Edit] = []
    for fold in folds:
        above, last = fold.above, fold.taken[-1]
        for layer in fold.taken:
            edits += delete_layer(source, layer.node)
        node = above.tops[0].node
        if isinstance(node, Scalar) and above.tops[0].name != last.tops[0].name:
            edits.append(replace_value(node, quote(last.tops[0].name)))
        if fold.adds_bias:
            edits += _with_bias(source, above)
    return edits


def _with_bias(source: Source, layer: Layer) -> list[Edit]:
    """Return the edits that give a layer a bias."""
    name = PARAMETERS[layer.type]
    param = layer.parameter(name)
    written = param.nodes_of("bias_term") if param is not None else []
    if layer.type != "Scale":
        # These have a bias by default.
        return delete_fields(source, written)
    if written and isinstance(written[0], Scalar):
        return [replace_value(written[0], "true")]
    if param is not None and param.node is not None:
        return [append_field(source, param.node, ["bias_term: true"])]
    return [append_field(source, layer.node, [f"{name} {{", "\tbias_term: true", "}"])]
