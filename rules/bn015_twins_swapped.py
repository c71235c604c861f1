"""TRAIN and TEST variants of a BatchNorm with each other's statistics.

What it does
    Reports a TRAIN-only BatchNorm with `use_global_stats: true` whose TEST-only twin, with the
    same bottom and top, has `use_global_stats: false`.

Why it matters
    The net trains on stored statistics, which are empty and stay so but for what the test
    batches put there, and is tested on those of the batch. It is the other way round.

Which Caffe
    BVLC, and NVIDIA 0.14 and 0.15 with `engine: CAFFE`. Elsewhere the phase alone decides.
    Stands in for BN012 and BN013 on the two layers. Source: LayerSetUp of
    batch_norm_layer.cpp @ rc3 to master, v0.14.5, v0.15.14.

Fix
    Safe: deletes both settings; the phase decides, and rightly.

Evidence
    BVLC/caffe#3347 (given backwards at first, and copied before it was corrected); observed:
    on 0.15 gamma left the range in three steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.write import delete_fields

from ._layers import named
from ._statistics import global_stats
from ._twins import swapped_twins


@net_rule(
    "BN015",
    "twins-swapped",
    Severity.ERROR,
    where=lambda caffe: caffe.obeys_global_stats,
    words=("use_global_stats",),
)
def check(net: Net) -> Iterator[Finding]:
    for train, test in swapped_twins(net):
        stored, batch = global_stats(net, train, True), global_stats(net, test, False)
        if stored is None or batch is None:
            continue
        yield Finding(
            stored.span,
            f"{named(train)}: use_global_stats is true in TRAIN and false in TEST; swap the two",
            layer=train.name,
            related=(Label(batch.span, "the TEST variant"),),
            fix=Fix("Let the phase decide", tuple(delete_fields(net.source, [stored, batch]))),
        )


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "bn" include { phase: TRAIN }
  batch_norm_param { use_global_stats: true }
}
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "bn" exclude { phase: TRAIN }
  batch_norm_param { use_global_stats: false }
}
""",
        (4,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "bn" include { phase: TRAIN }
  batch_norm_param { }
}
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "bn" exclude { phase: TRAIN }
  batch_norm_param { }
}
""",
    ),
)
