"""Two BatchNorm layers, one for each phase, that do what a single one does.

What it does
    Reports a TRAIN-only and a TEST-only BatchNorm of one name that differ in nothing but their
    rules and `use_global_stats`, where that is not true in TRAIN and not false in TEST.

Why it matters
    A BatchNorm takes the statistics of the batch in TRAIN and the stored ones in TEST by
    itself. Two layers have to be kept alike by hand, and a tool that reads the rules, as
    DIGITS does for its deploy nets, loses one of them.

Which Caffe
    All. Source: LayerSetUp of batch_norm_layer.cpp of every branch.

Fix
    Safe: keeps the first of the two, without its rule and `use_global_stats`.

Evidence
    NVIDIA/DIGITS#629, BVLC/caffe#3229, yosinski/deep-visualization-toolbox#53; observed: the
    same statistics as one layer.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Block, Scalar
from protolint.text.write import delete_fields

from ._layers import named
from ._statistics import global_stats
from ._twins import Twins, twins_of


@net_rule("BN017", "redundant-twins", Severity.INFO, words=("include", "exclude"))
def check(net: Net) -> Iterator[Finding]:
    for pair in twins_of(net, "BatchNorm"):
        train, test = pair
        if global_stats(net, train, True) or global_stats(net, test, False):
            continue
        if _content(train) != _content(test) or not _can_be_one(net, pair):
            continue
        yield Finding(
            train.head,
            f"{named(train)}: the two phase variants equal the default; keep one",
            layer=train.name,
            related=(Label(test.head, "the TEST variant"),),
            fix=_fix(net, pair),
        )


def _content(layer: Layer) -> dict[str, object]:
    """Return what a layer says beside its rules and use_global_stats."""
    content = _plain(layer.message)
    content.pop("include", None)
    content.pop("exclude", None)
    param = layer.parameter("batch_norm_param")
    inner = _plain(param) if param is not None else {}
    inner.pop("use_global_stats", None)
    return {**content, "batch_norm_param": inner}


def _plain(message: Message) -> dict[str, object]:
    return {
        name: [_plain(value) if isinstance(value, Message) else value for value, _ in values]
        for name, values in message.values.items()
    }


def _can_be_one(net: Net, pair: Twins) -> bool:
    """Whether every state has one of the two, and its bottom is there at the place of the first."""
    first = min(layer.index for layer in pair)
    for view in net.views:
        layer = next((layer for layer in pair if layer in view), None)
        if layer is None:
            return False
        for version in view.bottoms[layer.index]:
            if version is None or (version.producer and version.producer.index > first):
                return False
    return True


def _fix(net: Net, pair: Twins) -> Fix | None:
    kept, dropped = sorted(pair, key=lambda layer: layer.index)
    nodes: list[Scalar | Block | None] = [dropped.node]
    nodes += (rule.message.node for rule in (*kept.include, *kept.exclude))
    param = kept.parameter("batch_norm_param")
    if param is not None:
        nodes += param.nodes_of("use_global_stats")
    known = [node for node in nodes if node is not None and not node.in_list]
    if len(known) != len(nodes):
        return None
    return Fix("Keep one layer for both phases", tuple(delete_fields(net.source, known)))


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
layer {
  name: "bn"
  type: "BatchNorm" bottom: "conv" top: "conv"
  include { phase: TRAIN }
  batch_norm_param {
    use_global_stats: false
    eps: 1e-4
  }
}
layer {
  name: "bn"
  type: "BatchNorm" bottom: "conv" top: "conv"
  include { phase: TEST }
  batch_norm_param {
    use_global_stats: true
    eps: 1e-4
  }
}
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
layer {
  name: "bn"
  type: "BatchNorm" bottom: "conv" top: "conv"
  batch_norm_param {
    eps: 1e-4
  }
}
""",
    ),
)
