"""A `use_global_stats: false` that holds in TEST as well.

What it does
    Reports `use_global_stats: false` on a BatchNorm that is active in TEST, deploy nets
    included.

Why it matters
    The setting is not limited to training: each result depends on the other images of its
    batch, and on nothing but noise where the batch is one image or one image many times over.
    The TEST pass also writes the running averages that it shares with the training net.

Which Caffe
    BVLC, and NVIDIA 0.14 and 0.15 with `engine: CAFFE`; in 0.15 each test batch replaces the
    averages. Elsewhere the phase alone decides. Without the field the phase decides
    everywhere: the batch in TRAIN, the averages in TEST. Source: LayerSetUp and Forward of
    batch_norm_layer.cpp @ rc3 to master, v0.14.5, v0.15.14.

Fix
    Safe: deletes the setting. Unsafe where weights are given with the net (`--weights`) and the
    statistics in them are broken: the net works because it does not use them. Look at
    `protolint stats --data` and run `protolint recalibrate` first.

Evidence
    KaimingHe/deep-residual-networks#53, ethanhe42/resnet-cifar10-caffe#2, BVLC/caffe#5621, #5829,
    #3649, antingshen/resnet-protofiles#11, SnailTyan/caffe-model-zoo#3, XiaoMi/mace#467.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix, LaterEdits
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.write import delete_fields

from ._layers import named
from ._statistics import global_stats, obeys_global_stats
from ._twins import swapped_twins


@net_rule(
    "BN012",
    "batch-stats-at-test",
    Severity.WARNING,
    where=lambda caffe: caffe.obeys_global_stats,
    words=("use_global_stats",),
)
def check(net: Net) -> Iterator[Finding]:
    swapped: set[int] | None = None
    for layer in net.batchnorms:
        node = global_stats(net, layer, False)
        if node is None or not obeys_global_stats(net, layer) or not net.is_active(layer, "TEST"):
            continue
        if swapped is None:
            swapped = {pair.test.index for pair in swapped_twins(net)}
        if layer.index in swapped:
            continue
        broken = layer.name in net.broken_statistics
        hint = (
            "the statistics in the weights are broken, so see `protolint stats --data` and "
            "`protolint recalibrate` before you remove it"
            if broken
            else "remove it, the phase decides"
        )
        yield Finding(
            node.span,
            f"{named(layer)}: use_global_stats: false also applies to TEST; {hint}",
            layer=layer.name,
            fix=Fix(
                "Let the phase decide",
                LaterEdits(delete_fields, net.source, [node]),
                Applicability.UNSAFE if broken else Applicability.SAFE,
            ),
        )


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param {
    use_global_stats: false
  }
}
""",
        (5,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param {
  }
}
""",
    ),
)
