"""A bottom that no layer above produces.

What it does
    Builds the net in each state it is meant for (training, testing, and the stages of a
    DIGITS file) and reports a bottom that no layer above writes in one of them.

Why it matters
    Net construction aborts: `Unknown bottom blob`. Often the producer exists in training
    only, or a loss was left in a deploy net.

Which Caffe
    All. A layer that is limited to the states in which its bottoms exist is right.

Fix
    Unsafe: `exclude { stage: "deploy" }` for a layer of a net split by stages that lacks its
    bottom there alone, unless a layer of the deploy net needs it; takes a loss or Accuracy out
    of a deploy net, which has no labels.

Evidence
    NVIDIA/caffe#298, NVIDIA/DIGITS#576, #601 and #1037, yjxiong/caffe#148.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Fix
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import BlobName, Layer
from protolint.layers.setup_check import Kind
from protolint.layers.states import NetState
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.suggest import nearest
from protolint.text.write import append_field, delete_fields
from protolint.words import joined

from ._layers import named

_ADD = "; no layer above writes it: add one"
#: A net with more unknown bottoms has another fault than slips of the pen.
_SLIPS = 50


@net_rule("NT001", "unknown-bottom", Severity.ERROR, faults=(Kind.UNKNOWN_BOTTOM,))
def check(net: Net) -> Iterator[Finding]:
    missing: dict[tuple[int, int], list[NetState]] = {}
    for view in net.views:
        for layer, i in view.missing:
            missing.setdefault((layer.index, i), []).append(view.state)
    writers: dict[str, list[tuple[Layer, BlobName]]] = {}
    for other in net.layers:
        for top in other.tops:
            writers.setdefault(top.name, []).append((other, top))
    for number, ((index, i), states) in enumerate(missing.items()):
        layer = net.layers[index]
        if layer.include and layer.exclude:
            continue  # NT028: it is nowhere as it was meant.
        bottom = layer.bottoms[i]
        where = joined(str(state) for state in states)
        hint, related = _producer(net, layer, bottom.name, states, writers.get(bottom.name, []))
        if not hint:
            hint = _near(net, layer, bottom.name) if number < _SLIPS else _ADD
        if _lacks_labels(net, layer, states):
            hint = "; a deploy net has no labels: leave the layer out of it"
        yield Finding(
            bottom.span,
            f"{named(layer)}: bottom '{bottom.name}' does not exist in {where}{hint}",
            layer=layer.name,
            related=related,
            fix=_fix(net, layer, states),
        )


def _producer(
    net: Net, layer: Layer, blob: str, states: list[NetState], writers: list[tuple[Layer, BlobName]]
) -> tuple[str, tuple[Label, ...]]:
    """Return what is known of who should have written the blob, for the message; "" for nothing."""
    for other, top in writers:
        if other is layer:
            continue
        if other.index >= layer.index:
            below = f"; '{other.name}' writes it further below: move that up"
            return below, (Label(top.span, "written here"),)
        phases = {view.state.phase for view in net.views_of(other)}
        if len(phases) == 1 and not net.is_stage_net:
            what = f"{phases.pop()}-only"
        else:
            what = f"not in {joined(str(state) for state in states)}"
        advice = "limit the layer to where that is"
        if not other.bottoms and _are_deploy(states):
            advice = f"DIGITS feeds a deploy net as 'data'; call '{blob}' that"
        hint = f"; its producer '{other.name}' is {what}: {advice}"
        return hint, (Label(top.span, "written here"),)
    return "", ()


def _near(net: Net, layer: Layer, blob: str) -> str:
    """Return what a message says of a blob that no layer writes."""
    above = [top.name for other in net.layers[: layer.index] for top in other.tops]
    found = nearest(blob, above)
    return f"; did you mean '{found[0]}'?" if found else _ADD


def _are_deploy(states: list[NetState]) -> bool:
    return all("deploy" in state.stages for state in states)


def _lacks_labels(net: Net, layer: Layer, states: list[NetState]) -> bool:
    """Whether a layer that compares with labels is in a net, or state, that is fed none."""
    known = ALL_TYPES.get(layer.type)
    if layer.type != "Accuracy" and not (known is not None and known.is_loss):
        return False
    return _are_deploy(states) or _has_inputs_alone(net)


def _has_inputs_alone(net: Net) -> bool:
    """Whether a net is fed by declared inputs and no data layer."""
    sources = [layer for layer in net.layers if not layer.bottoms]
    return bool(net.inputs or sources) and all(layer.type == "Input" for layer in sources)


def _fix(net: Net, layer: Layer, states: list[NetState]) -> Fix | None:
    if layer.include or layer.exclude:
        return None
    if _are_deploy(states):
        if any(_is_stood_on(net, layer, state) for state in states):
            return None
        edit = append_field(net.source, layer.node, ['exclude { stage: "deploy" }'])
        return Fix("Leave the layer out of deploy", (edit,), Applicability.UNSAFE)
    alone = not layer.node.in_list and not any(view.readers(layer) for view in net.views)
    if _lacks_labels(net, layer, states) and alone:
        edits = tuple(delete_fields(net.source, [layer.node]))
        return Fix("Take the layer out", edits, Applicability.UNSAFE)
    return None


def _is_stood_on(net: Net, layer: Layer, state: NetState) -> bool:
    """Whether a layer of this state alone needs what a layer writes, directly or not."""
    view = net.view_in(state)
    needing = {layer.index}
    for other in view.layers:
        versions = (version for version in view.bottoms[other.index] if version is not None)
        if any(v.producer is not None and v.producer.index in needing for v in versions):
            needing.add(other.index)
            if all(kept.state == state for kept in net.views_of(other)):
                return True
    return False


_DATA = 'layer { name: "d" type: "Data" top: "data" top: "label" %s }\n'
_LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label"%s }\n'
VALID = (Example("bvlc", _DATA % "" + _LOSS % ""),)
INVALID = (
    Invalid("bvlc", 'layer { name: "r" type: "ReLU" bottom: "conv1" top: "r" }\n', (1,)),
    Invalid(
        "nvidia-0.15",
        _DATA % 'include { stage: "train" }' + _DATA % 'include { stage: "val" }' + _LOSS % "",
        (3,),
        fixed=_DATA % 'include { stage: "train" }'
        + _DATA % 'include { stage: "val" }'
        + _LOSS % ' exclude { stage: "deploy" }',
    ),
)
