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
    In a net split by stages, unsafe: `exclude { stage: "deploy" }` for a layer that lacks its
    bottom there alone.

Evidence
    NVIDIA/caffe#298, NVIDIA/DIGITS#576, #601 and #1037, yjxiong/caffe#148.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind
from protolint.layers.states import NetState
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.suggest import nearest
from protolint.text.write import append_field
from protolint.words import joined

from ._layers import named


@net_rule("NT001", "unknown-bottom", Severity.ERROR, faults=(Kind.UNKNOWN_BOTTOM,))
def check(net: Net) -> Iterator[Finding]:
    missing: dict[tuple[int, int], list[NetState]] = {}
    for view in net.views:
        for layer, i in view.missing:
            missing.setdefault((layer.index, i), []).append(view.state)
    for (index, i), states in missing.items():
        layer = net.layers[index]
        bottom = layer.bottoms[i]
        where = joined(str(state) for state in states)
        hint, related = _producer(net, layer, bottom.name, states)
        yield Finding(
            bottom.span,
            f"{named(layer)}: bottom '{bottom.name}' does not exist in {where}{hint}",
            layer=layer.name,
            related=related,
            fix=_fix(net, layer, states),
        )


def _producer(
    net: Net, layer: Layer, blob: str, states: list[NetState]
) -> tuple[str, tuple[Label, ...]]:
    """Return what is known of who should have written the blob, for the message."""
    for other in net.layers:
        top = next((top for top in other.tops if top.name == blob), None)
        if top is None:
            continue
        if other.index >= layer.index:
            if other is layer:
                continue
            return f"; '{other.name}' writes it further below", (Label(top.span, "written here"),)
        phases = {view.state.phase for view in net.views_of(other)}
        if len(phases) == 1 and not net.is_stage_net:
            what = f"{phases.pop()}-only"
        else:
            what = f"not in {joined(str(state) for state in states)}"
        return f"; its producer '{other.name}' is {what}", (Label(top.span, "written here"),)
    above = [top.name for other in net.layers[: layer.index] for top in other.tops]
    found = nearest(blob, above)
    return (f"; did you mean '{found[0]}'?" if found else ""), ()


def _fix(net: Net, layer: Layer, states: list[NetState]) -> Fix | None:
    deploy_only = all("deploy" in state.stages for state in states)
    if not deploy_only or layer.include or layer.exclude:
        return None
    edit = append_field(net.source, layer.node, ['exclude { stage: "deploy" }'])
    return Fix("Leave the layer out of deploy", (edit,), Applicability.UNSAFE)


_DATA = 'layer { name: "d" type: "Data" top: "data" top: "label" %s }\n'
_LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label"%s }\n'
_READ = 'layer { name: "r" type: "ReLU" bottom: "%s" top: "r" }\n'
_IP = 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }\n'
_STAGES = _DATA % 'include { stage: "train" }' + _DATA % 'include { stage: "val" }'
VALID = (
    Example("bvlc", _DATA % "" + _LOSS % ""),
    Example("bvlc", _DATA % "include { phase: TRAIN }" + _LOSS % ""),
    Example(
        "nvidia-0.15",
        _DATA % 'include { stage: "train" }'
        + _DATA % 'include { stage: "val" }'
        + _LOSS % ' exclude { stage: "deploy" }',
    ),
)
INVALID = (
    Invalid("bvlc", 'layer { name: "r" type: "ReLU" bottom: "conv1" top: "r" }\n', (1,)),
    Invalid(
        "bvlc",
        'layer { name: "d" type: "Data" top: "x" }\n'
        'layer { name: "b" type: "BatchNorm" bottom: "x" top: "b" include { phase: TRAIN } }\n'
        'layer { name: "r" type: "ReLU"\n  bottom: "b" top: "r" }\n',
        (4,),
    ),
    Invalid(
        "nvidia-0.15",
        _DATA % 'include { stage: "train" }' + _DATA % 'include { stage: "val" }' + _LOSS % "",
        (3,),
        fixed=_DATA % 'include { stage: "train" }'
        + _DATA % 'include { stage: "val" }'
        + _LOSS % ' exclude { stage: "deploy" }',
    ),
    Invalid(
        "nvidia-0.17", 'input: "x"\nlayer { name: "r" type: "ReLU" bottom: "x" top: "r" }\n', (2,)
    ),
    Invalid("bvlc", 'layer { name: "r" type: "ReLU" bottom: "x" top: "x" }\n', (1,)),
    Invalid("bvlc", _DATA % "" + _READ % "ip" + _IP, (2,)),
    Invalid("bvlc", _DATA % "" + _READ % "lable", (2,)),
    Invalid("nvidia-0.15", _STAGES + _LOSS % ' exclude { stage: "none" }', (3, 3)),
    Invalid("nvidia-0.15", _STAGES + _LOSS % " include { }", (3,)),
    Invalid("nvidia-0.15", _STAGES + _LOSS % " exclude { phase: TRAIN }", (3,)),
)
