"""A BatchNorm, or the Scale behind one, that only one phase has.

What it does
    Reports a BatchNorm that its own rules limit to TRAIN or to TEST while the other phase has
    nothing in its place, and likewise a Scale that reads a BatchNorm.

Why it matters
    In TEST alone its statistics never form. In TRAIN alone the layers below learn on
    normalised values and are tested on others; where the layer writes to a blob of its own,
    the test net cannot even be built (NT001).

Which Caffe
    All, in nets that have data for both phases and no stages. A layer of the same name, or
    of the same bottom and top (BN014), in the other phase is its twin. A branch that only one
    phase has, such as an extra loss, is right. Source: Net::FilterNet and
    Net::ShareTrainedLayersWith in src/caffe/net.cpp.

Fix
    Unsafe: deletes the rule, so that both phases have the layer.

Evidence
    NHZlX/Merge_bn_Caffe#1, NVIDIA/caffe#298; observed: TEST-only statistics stay 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.net.view import View
from protolint.text.write import delete_fields

from ._layers import named
from ._twins import phases_of, twins_of

_TYPES = ("BatchNorm", "Scale")


@net_rule("BN016", "bn-in-one-phase", Severity.ERROR, words=("include", "exclude"))
def check(net: Net) -> Iterator[Finding]:
    views = {view.state.phase: view for view in net.views}
    if net.is_stage_net or len(views) != 2 or not net.batchnorms:
        return
    suspects = [layer for layer in net.of_types(_TYPES) if layer.include or layer.exclude]
    if not suspects:
        return
    paired = {layer.index for pair in twins_of(net, *_TYPES) for layer in pair}
    phases: dict[tuple[str, str], set[str]] = {}
    for layer in net.of_types(_TYPES):
        phases.setdefault((layer.type, layer.name), set()).update(phases_of(net, layer))
    joined = _joined(views["TRAIN"], views["TEST"])
    for layer in suspects:
        if len(phases[layer.type, layer.name]) != 1 or layer.index in paired:
            continue
        phase, other = ("TRAIN", "TEST") if layer in views["TRAIN"] else ("TEST", "TRAIN")
        here, there = views[phase], views[other]
        if (
            layer not in here
            or not _belongs_to_batchnorm(here, layer)
            or layer.bottoms[0].name not in there.outputs
        ):
            continue
        if phase == "TRAIN" and here.readers(layer) and layer.index not in joined:
            continue
        rule = (*layer.include, *layer.exclude)[0].message.node
        yield Finding(
            rule.head_span if rule is not None else layer.head,
            f"{named(layer)}: exists in {phase} only; the other phase runs without it: remove the "
            "rule that limits it",
            layer=layer.name,
            fix=_fix(net, layer),
        )


def _joined(view: View, other: View) -> set[int]:
    """Return the layers of a view whose output reaches a layer that the other view has too."""
    found: set[int] = set()
    for layer in reversed(view.layers):
        readers = (reader for top in view.tops[layer.index] for reader in top.readers)
        if any(reader in other or reader.index in found for reader in readers):
            found.add(layer.index)
    return found


def _belongs_to_batchnorm(view: View, layer: Layer) -> bool:
    if len(layer.bottoms) != 1:
        return False
    version = view.bottom(layer)
    producer = version.producer if version is not None else None
    return layer.type == "BatchNorm" or (producer is not None and producer.type == "BatchNorm")


def _fix(net: Net, layer: Layer) -> Fix | None:
    nodes = [rule.message.node for rule in (*layer.include, *layer.exclude)]
    known = [node for node in nodes if node is not None and not node.in_list]
    if len(known) != len(nodes):
        return None
    edits = tuple(delete_fields(net.source, known))
    return Fix("Keep the layer in both phases", edits, Applicability.UNSAFE)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" include { phase: TRAIN } }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" }
layer { name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "label" }
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" }
layer { name: "loss" type: "EuclideanLoss" bottom: "conv" bottom: "label" }
""",
    ),
)
