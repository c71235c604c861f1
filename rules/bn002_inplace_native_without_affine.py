"""A native BatchNorm of NVIDIA 0.16 or later without gamma and beta that trains in place.

What it does
    Reports a BatchNorm with `engine: CAFFE` and neither `scale_bias` nor a filler that is
    active in training and writes its top over its bottom.

Why it matters
    In place, the gradient that comes in and the one that goes out share their memory, and it
    is overwritten before it is used up. On a GPU the last step subtracts the memory from
    itself: the layers above get a gradient of exactly 0. On a CPU they get a wrong one.

Which Caffe
    NVIDIA 0.16 and later with `engine: CAFFE`. With scale and bias the gradient is copied
    first; cuDNN, which DEFAULT means, keeps private copies. Where nothing above
    learns, as straight on the data, no gradient is asked for. Source: Backward_cpu and
    Backward_gpu of batch_norm_layer @ v0.16.1 to v0.17.4.

Fix
    Safe: gives the layer a top of its own and renames that blob for the layers below, in
    every phase, as BN001 does. To leave out `engine` is as good where the build has cuDNN.

Evidence
    Observed on the CPU: a gradient off by 92 %, right in a blob of its own or with
    `scale_bias: true`.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.learning import gradients
from protolint.net.net import Net

from ._inplace import own_top
from ._layers import named


@net_rule(
    "BN002",
    "inplace-native-without-affine",
    Severity.ERROR,
    where=lambda caffe: not caffe.trains_in_place(affine=False),
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    suspects = [
        layer
        for layer in net.batchnorms
        if layer.is_in_place() and not net.traits(layer).trains_in_place
    ]
    wanted = {i for view in net.views for i in gradients(net, view)} if suspects else set()
    for layer in suspects:
        read = [view.bottom(layer) for view in net.views_of(layer, "TRAIN")]
        if not any(id(version) in wanted for version in read):
            continue
        yield Finding(
            layer.tops[0].span,
            f"{named(layer)}: native BatchNorm without scale_bias passes a zero or wrong gradient "
            "when in place; write to a new blob",
            layer=layer.name,
            fix=own_top(net, layer, 0),
        )


INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }
layer {
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "conv1"
  batch_norm_param { engine: CAFFE }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
""",
        (7,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" }
layer {
  name: "bn1"
  type: "BatchNorm"
  bottom: "conv1"
  top: "bn1"
  batch_norm_param { engine: CAFFE }
}
layer { name: "relu1" type: "ReLU" bottom: "bn1" top: "bn1" }
""",
    ),
)
