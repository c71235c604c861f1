"""The text of a deploy net: edits on the training net, so that what stays keeps its form."""

from __future__ import annotations

from collections.abc import Mapping

from protolint.deployment.fork_norms import as_scale, is_fork_norm
from protolint.deployment.plan import DeployPlan
from protolint.edit import Edit
from protolint.layers.layer import Layer
from protolint.layers.losses import PREDICTIONS
from protolint.layers.shape import Shape
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.source import Source
from protolint.text.insert import (
    NewLayer,
    delete_layer,
    insert_before,
    insert_line_after,
    insert_line_before,
)
from protolint.text.tree import Block, Node, Scalar
from protolint.text.write import delete_fields, quote, replace_value

__all__ = ["deploy_edits"]

#: Fields of a layer that say when it is there, and of a loss what only a loss has.
_RULES = ("include", "exclude")
_OF_LOSSES = ("loss_weight", "loss_param", "propagate_down")


def deploy_edits(
    net: Net, view: View, plan: DeployPlan, sizes: Mapping[str, tuple[int, ...]]
) -> list[Edit]:
    """Return the edits that make a net the deploy net of one view."""
    source = net.source
    kept = [layer for layer in view.layers if _stays(layer, plan)]
    has_inputs = _has_inputs(net, view, plan, sizes)
    stays = {layer.index for layer in kept}
    if has_inputs:
        stays |= {layer.index for layer in view.layers if layer.type == "Input"}
    edits: list[Edit] = []
    gone: list[Layer] = [layer for layer in net.layers if layer.index not in stays]
    for layer in gone:
        edits += delete_layer(source, layer.node)
    for layer in (layer for layer in view.layers if layer.index in stays):
        fields = [child for child in layer.node.children if child.name in _RULES]
        if layer.index in plan.predictions:
            name = plan.predictions[layer.index]
            edits += _prediction(source, layer, name, fields)
        elif is_fork_norm(layer):
            edits += [*as_scale(source, layer), *delete_fields(source, fields)]
        else:
            edits += delete_fields(source, [*fields, *_needless(layer)])
        edits += _renamed(view, layer, plan)
    edits += delete_fields(source, _of_the_net(net))
    if sizes and not has_inputs:
        first = kept[0].node if kept else gone[0].node
        if net.dialect.has_input_layer:
            edits.append(insert_before(source, first, _input_layer(sizes)))
        else:
            # They become a layer when the net is converted.
            edits += [insert_line_before(source, first, line) for line in _input_fields(sizes)]
    return _merged(edits)


def _needless(layer: Layer) -> list[Node]:
    """Return what makes a BatchNorm normalise by the batch, and coefficients that are all 1.

    MNN takes those for the coefficients of a difference.
    """
    if layer.type == "Eltwise":
        param = layer.parameter("eltwise_param")
        if param is None or param.node is None or set(param.numbers("coeff")) != {1.0}:
            return []
        return [child for child in param.node.children if child.name == "coeff"]
    param = layer.parameter("batch_norm_param") if layer.type == "BatchNorm" else None
    if param is None or layer.batchnorm.use_global_stats is not False:
        return []
    return list(param.nodes_of("use_global_stats"))


def _stays(layer: Layer, plan: DeployPlan) -> bool:
    return layer.index not in plan.removed or layer.index in plan.predictions


def _has_inputs(
    net: Net, view: View, plan: DeployPlan, sizes: Mapping[str, tuple[int, ...]]
) -> bool:
    """Whether Input layers of the net give exactly the inputs, in their sizes."""
    layers = [layer for layer in view.layers if layer.type == "Input"]
    known = shapes(net, view)
    found = {v.name: known[v] for layer in layers for v in view.tops[layer.index]}
    return (
        bool(layers)
        and not plan.missing
        and found == {name: Shape.of(dims) for name, dims in sizes.items()}
    )


def _of_the_net(net: Net) -> list[Node]:
    """Return the fields of the net that say how it is trained or what is fed."""
    names = ("state", "force_backward", "input", "input_dim", "input_shape", "debug_info")
    found: list[Node] = []
    for name in names:
        found += net.message.nodes_of(name)
    return found


def _input_fields(sizes: Mapping[str, tuple[int, ...]]) -> list[str]:
    shapes = (" ".join(f"dim: {dim}" for dim in dims) for dims in sizes.values())
    return [
        *(f"input: {quote(name)}" for name in sizes),
        *(f"input_shape {{ {shape} }}" for shape in shapes),
    ]


def _input_layer(sizes: Mapping[str, tuple[int, ...]]) -> NewLayer:
    lines = ["layer {", '\tname: "input"', '\ttype: "Input"']
    lines += [f"\ttop: {quote(name)}" for name in sizes]
    lines.append("\tinput_param {")
    for dims in sizes.values():
        lines.append(f"\t\tshape {{ {' '.join(f'dim: {dim}' for dim in dims)} }}")
    return NewLayer((*lines, "\t}", "}"))


def _prediction(source: Source, layer: Layer, name: str, rules: list[Node]) -> list[Edit]:
    """Return the edits that make a loss layer its prediction, under a name."""
    children = layer.node.children
    gone: list[Node] = [*rules, *(c for c in children if c.name in _OF_LOSSES)]
    gone += [blob.node for blob in (*layer.bottoms[1:], *layer.tops[1:])]
    edits = delete_fields(source, gone)
    written: list[tuple[Scalar | Block | None, str]] = [
        (layer.type_node, PREDICTIONS[layer.type]),
        (layer.message.node_of("name"), name),
    ]
    if layer.tops:
        written.append((layer.tops[0].node, name))
    else:
        edits.append(insert_line_after(source, layer.bottoms[0].node, f"top: {quote(name)}"))
    for node, value in written:
        if isinstance(node, Scalar):
            edits.append(replace_value(node, quote(value)))
    return edits


def _renamed(view: View, layer: Layer, plan: DeployPlan) -> list[Edit]:
    """Return the edits that give bottoms and tops the name of what a Dropout passed on."""
    edits = []
    if not plan.renamed:
        return []
    versions = zip(layer.bottoms, view.bottoms[layer.index], strict=True)
    pairs = [*versions, *zip(layer.tops, view.tops[layer.index], strict=True)]
    for blob, version in pairs:
        name = plan.renamed.get(version) if version is not None else None
        if name is not None and isinstance(blob.node, Scalar):
            edits.append(replace_value(blob.node, quote(name)))
    return edits


def _merged(edits: list[Edit]) -> list[Edit]:
    """Return the edits with deletions that touch or overlap joined."""
    deletions = sorted(edit for edit in edits if not edit.text and edit.end > edit.start)
    joined: list[Edit] = []
    for edit in deletions:
        if joined and edit.start <= joined[-1].end:
            joined[-1] = Edit(joined[-1].start, max(edit.end, joined[-1].end), "")
        else:
            joined.append(edit)
    return [*(edit for edit in edits if edit.text), *joined]
