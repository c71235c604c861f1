"""A phase rule that takes a BatchNorm out of the deploy net of DIGITS.

What it does
    Reports a BatchNorm or Scale with a `phase` rule in a net that is split by stages, where
    the deploy stage loses the layer by it: the layer above stays, and no layer with the same
    bottoms and tops stands in.

Why it matters
    DIGITS makes three nets of such a file: TRAIN with stage "train", TEST with "val", TEST
    with "deploy". A layer for TRAIN alone is in the first only, so validation and the deploy
    file run without it, or the deploy file aborts with `Unknown bottom blob`.

Which Caffe
    NVIDIA, whose nets DIGITS splits. A TEST rule keeps the layer in deploy, and of a TRAIN and
    a TEST twin one is in every net (BN017 says whether one layer would do). A branch that is
    left out as a whole is meant to be.

Evidence
    NVIDIA/caffe#298, NVIDIA/DIGITS#628; filterLayersByState of DIGITS, which follows Caffe's
    own rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.net.view import View

from ._layers import named

_TYPES = ("BatchNorm", "Scale")


@net_rule(
    "NT008",
    "phase-rule-in-stage-net",
    Severity.WARNING,
    where=lambda caffe: caffe.used_by_digits,
    words=("stage",),
)
def check(net: Net) -> Iterator[Finding]:
    deploy = next((view for view in net.views if "deploy" in view.state.stages), None)
    if deploy is None:
        return
    stand_ins = {_blobs(layer) for layer in deploy.layers}
    for layer in net.layers:
        if layer.type not in _TYPES or _blobs(layer) in stand_ins:
            continue
        rules = [rule.message.node for rule in (*layer.include, *layer.exclude) if rule.phase]
        views = net.views_of(layer)
        if not rules or rules[0] is None or not views or not _goes_on(views[0], deploy, layer):
            continue
        yield Finding(
            rules[0].span,
            f"{named(layer)}: phase rule in a net that is split by stages; the generated deploy "
            "file loses this layer; write stages in its place",
            layer=layer.name,
        )


def _blobs(layer: Layer) -> tuple[str, ...]:
    return (layer.type, *(b.name for b in layer.bottoms), "/", *(t.name for t in layer.tops))


def _goes_on(view: View, deploy: View, layer: Layer) -> bool:
    """Whether what the layer reads is there in deploy as well; data always is."""
    producers = [version.producer for version in view.bottoms[layer.index] if version is not None]
    return all(p is None or not p.bottoms or p in deploy for p in producers)


VALID = (
    Example(
        "nvidia-0.15",
        """\
layer { name: "train" type: "Data" top: "data" include { stage: "train" } }
layer { name: "val" type: "Data" top: "data" include { stage: "val" } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"  }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "bn"
  include { phase: TEST }
}

""",
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "train" type: "Data" top: "data" include { stage: "train" } }
layer { name: "val" type: "Data" top: "data" include { stage: "val" } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"  }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "bn"
  include { phase: TRAIN }
}

""",
        (6,),
    ),
)
