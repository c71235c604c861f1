"""A cuDNN BatchNorm of NVIDIA 0.14 or 0.15 that trains in place.

What it does
    Reports a BatchNorm that runs on cuDNN, is active in training and writes its top over its
    bottom.

Why it matters
    The backward pass reads the bottom, which the forward pass has overwritten. The gradients
    are wrong, nothing says so, and the net does not converge.

Which Caffe
    NVIDIA 0.14 and 0.15. `engine` left out or DEFAULT is cuDNN in every build that has it,
    in CPU mode too. `engine: CAFFE` keeps a copy of the normalised values; NVIDIA 0.16 and
    later keep private copies of bottom and top; BVLC has one implementation that may work in
    place. Deploy nets are right everywhere. Source: cudnn_batch_norm_layer.cu @ v0.14.5,
    v0.15.14.

Fix
    Safe: gives the layer a top of its own and renames that blob for the layers below, in
    every phase. Names of blobs seen from outside the net change. Not `engine: CAFFE`, which
    would change the shapes of the blobs.

Evidence
    NVIDIA/DIGITS#629, BVLC/caffe#3919, NVIDIA/caffe#276, jay-mahadeokar/pynetbuilder#6.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net

from ._inplace import own_top
from ._layers import named


@net_rule(
    "BN001",
    "inplace-cudnn-batchnorm",
    Severity.ERROR,
    where=lambda caffe: not caffe.trains_in_place(affine=True),
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        traits = net.traits(layer)
        if traits.trains_in_place or not layer.is_in_place() or not net.is_active(layer, "TRAIN"):
            continue
        yield Finding(
            layer.tops[0].span,
            f"{named(layer)}: cuDNN BatchNorm cannot train in place (gradients use overwritten "
            "data); write to a new blob",
            layer=layer.name,
            fix=own_top(net, layer, 0),
        )


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }
layer {
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "conv1"  # normalised
  batch_norm_param { scale_filler { value: 1 } }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "ip" type: "InnerProduct" bottom: "conv1" top: "ip" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label"  }
""",
        (7,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }
layer {
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "bn1"  # normalised
  batch_norm_param { scale_filler { value: 1 } }
}
layer { name: "relu1" type: "ReLU" bottom: "bn1" top: "bn1" }
layer { name: "ip" type: "InnerProduct" bottom: "bn1" top: "ip" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label"  }
""",
    ),
)
