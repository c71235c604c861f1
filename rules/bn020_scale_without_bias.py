"""A Scale after BatchNorm that learns no shift.

What it does
    Reports a Scale with one bottom that reads a BatchNorm without gamma and beta, is active in
    training, has no `bias_term: true`, is followed by no Bias layer, and feeds a layer that
    treats values above and below zero differently or adds them up: ReLU, PReLU, ELU, Sigmoid,
    TanH, Eltwise or Pooling.

Why it matters
    `bias_term` of Scale is false unless given. Half of what BatchNorm needs to give back its
    freedom to the net, the shift beta, is missing then: every channel keeps mean 0.

Which Caffe
    BVLC and NVIDIA 0.16 and later. BatchNorm of NVIDIA 0.15 has beta itself; 0.14 has no Scale.
    A Scale with two bottoms multiplies two blobs and has nothing to do with BatchNorm, and a
    convolution or an inner product below has a bias of its own. Source: ScaleParameter in
    caffe.proto.

Fix
    Unsafe, as it adds a blob: `bias_term: true`.

Evidence
    NVIDIA/DIGITS#1963, microsoft/MMdnn#916, ethanhe42/resnet-cifar10-caffe#2.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.net.pairing import scale_reading
from protolint.net.view import View

from ._affine import set_field
from ._layers import named

_NEED_SHIFT = {"ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Eltwise", "Pooling"}


@net_rule(
    "BN020",
    "scale-without-bias",
    Severity.WARNING,
    where=lambda caffe: caffe.has_plain_batchnorm and caffe.has_scale_layer,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    scales: dict[int, Layer] = {}
    plain = {layer.index for layer in net.of_types(("Scale",)) if not _has_bias(net, layer)}
    for batchnorm in net.batchnorms if plain else ():
        for view in net.views_of(batchnorm, "TRAIN"):
            scale = scale_reading(view, batchnorm)
            if scale is None or scale.index not in plain or not _misses_shift(view, scale):
                continue
            if not net.traits(batchnorm).affine:
                scales.setdefault(scale.index, scale)
    for scale in scales.values():
        edit = set_field(net, scale, "scale_param", "bias_term", "true")
        yield Finding(
            scale.anchor("scale_param"),
            f"{named(scale)}: Scale after BatchNorm has no shift; set bias_term: true",
            layer=scale.name,
            fix=Fix("Set bias_term: true", (edit,), Applicability.UNSAFE),
        )


@layer_fact
def _has_bias(_net: Net, scale: Layer) -> bool:
    parameter = scale.parameter("scale_param")
    return parameter is not None and parameter.flag("bias_term")


def _misses_shift(view: View, scale: Layer) -> bool:
    types = {reader.type for reader in view.readers(scale)}
    return "Bias" not in types and not types.isdisjoint(_NEED_SHIFT)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
layer {
  name: "s" type: "Scale" bottom: "y" top: "y"
}
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "x" top: "z" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y"  }
layer {
  name: "s" type: "Scale" bottom: "y" top: "y"
  scale_param {
    bias_term: true
  }
}
layer { name: "r" type: "ReLU" bottom: "y" top: "r" }
""",
    ),
)
