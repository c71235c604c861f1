"""A `use_global_stats: true` that the target does not look at.

What it does
    Reports `use_global_stats: true` on a BatchNorm that is active in training, where the
    phase alone decides which statistics are used.

Why it matters
    The setting is meant to freeze the statistics, for fine-tuning with small batches. Here
    training normalises by each batch all the same and goes on updating them.

Which Caffe
    NVIDIA 0.14 and 0.15 on cuDNN, 0.16 and later with either engine. In BVLC and in 0.14 and
    0.15 with `engine: CAFFE` the setting holds; the blobs have other shapes there. In a
    deploy net and for TEST alone it changes nothing. Source: cudnn_batch_norm_layer.cu
    @ v0.14.5, v0.15.14; batch_norm_layer.cpp @ v0.16.1 to v0.17.4.

Evidence
    NVIDIA/caffe#279, #394; observed on 0.16 and 0.17, and that 0.14 and 0.15 with
    `engine: CAFFE` obey.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named
from ._statistics import global_stats, obeys_global_stats


@net_rule(
    "BN011",
    "global-stats-ignored",
    Severity.WARNING,
    where=lambda caffe: caffe.ignores_global_stats,
    words=("use_global_stats",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        node = global_stats(net, layer, True)
        if node is None or obeys_global_stats(net, layer) or not net.is_active(layer, "TRAIN"):
            continue
        yield Finding(
            node.span,
            f"{named(layer)}: {net.dialect.name} ignores use_global_stats; "
            "the statistics are not frozen; fold the BatchNorm into a Scale to freeze it",
            layer=layer.name,
        )


_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  batch_norm_param {
    use_global_stats: true
    %s
  }
}
"""
VALID = (Example("nvidia-0.14", _NET % "engine: CAFFE"),)
INVALID = (Invalid("nvidia-0.14", _NET % "", (5,)),)
