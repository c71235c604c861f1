"""Stored statistics in training, below layers that learn, on the CAFFE engine of NVIDIA 0.15.

What it does
    Reports a BatchNorm with `use_global_stats: true` that is active in training and has a layer
    above it that learns: one with weights whose `lr_mult` is not 0.

Why it matters
    Forward uses the stored statistics, but backward the formula for the statistics of the batch.
    Every layer above gets a wrong gradient, in place or not, and no message says so. The
    gradients of gamma and beta themselves are right.

Which Caffe
    NVIDIA 0.15 with `engine: CAFFE`. BVLC and the CAFFE engine of 0.14 have a backward formula
    for this case; cuDNN and NVIDIA 0.16 and later ignore the field (BN011). Where all layers
    above are frozen nothing is wrong: freeze them, or fold the BatchNorm into them before
    fine-tuning. Source: Backward of batch_norm_layer.cpp @ v0.15.14.

Evidence
    Finite differences on v0.15.14: a gradient of -0.09 where -0.63 is right.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.learning import learners
from protolint.net.net import Net

from ._affine import uses_stored_statistics
from ._layers import named


@net_rule(
    "BN028",
    "stored-statistics-wrong-gradient",
    Severity.ERROR,
    where=lambda caffe: any(kind.stored_statistics_spoil_gradient for kind in caffe.kinds),
    words=("use_global_stats",),
)
def check(net: Net) -> Iterator[Finding]:
    stored = [layer for layer in net.batchnorms if uses_stored_statistics(net, layer)]
    found: dict[int, tuple[Layer, Layer]] = {}
    for view in net.views if stored else ():
        above = learners(net, view)
        for layer in stored:
            if layer.runs_as(view.state) != "TRAIN":
                continue
            version = view.bottom(layer)
            learner = above.get(version) if version is not None else None
            if learner is not None:
                found.setdefault(layer.index, (layer, learner))
    for layer, learner in found.values():
        param = layer.parameter("batch_norm_param")
        node = param.node_of("use_global_stats") if param is not None else None
        yield Finding(
            node.span if node is not None else layer.head,
            f"{named(layer)}: with use_global_stats: true {net.dialect.name} passes a wrong "
            f"gradient to '{learner.name}'; freeze the layers above or fold the BatchNorm",
            layer=layer.name,
            related=(Label(learner.head, "learns"),),
        )


_NET = """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "c1" type: "Convolution" bottom: "x" top: "c1" %s }
layer { name: "p" type: "Pooling" bottom: "c1" top: "p" }
layer {
  name: "bn" type: "BatchNorm" bottom: "p" top: "y"
  batch_norm_param {
    engine: CAFFE
    use_global_stats: true
  }
%s}
"""
VALID = (Example("nvidia-0.15", (_NET % ("", "")).replace("CAFFE", "CUDNN")),)
INVALID = (Invalid("nvidia-0.15", _NET % ("", ""), (8,)),)
