"""One BatchNorm, two engines, and weights that do not fit between them.

What it does
    Compares the engine of a BatchNorm with that of its twin for the other phase and, in a
    deploy net, with the layer of the same name in the training net, where both are checked
    together.

Why it matters
    The two engines keep the layer's numbers in different blobs: three against five in NVIDIA
    0.14, C against 1xCx1x1 in 0.15. Handing the weights from one to the other aborts.

Which Caffe
    NVIDIA 0.14 and 0.15. From 0.16 on both engines have the same blobs. `engine` left out or
    DEFAULT is cuDNN in every build that has it. Source: LayerSetUp of batch_norm_layer.cpp and
    cudnn_batch_norm_layer.cpp @ v0.14.5, v0.15.14.

Fix
    Safe in a deploy net whose training net names the engine: the same `engine` here.

Evidence
    NVIDIA/caffe#276, NVIDIA/caffe#307, NVIDIA/DIGITS#1590.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Block, Scalar

from ._affine import set_field
from ._layers import named


@net_rule(
    "BN027",
    "engine-layout-mismatch",
    Severity.ERROR,
    where=lambda caffe: caffe.engines_differ_in_layout,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer, other, owner in _pairs(net):
        here, there = net.traits(layer).engine, owner.traits(other).engine
        if here == there:
            continue
        node, other_node = _engine(layer), _engine(other)
        source, where, fix = None, other.name, None
        if owner is not net:
            source, where = owner.source, os.path.basename(owner.source.path)
            if isinstance(other_node, Scalar) and other_node.raw == there:
                edit = set_field(net, layer, "batch_norm_param", "engine", there)
                fix = Fix(f"Write engine: {there}", (edit,))
        yield Finding(
            node.span if node is not None else layer.head,
            f"{named(layer)}: engine {here} here and {there} in '{where}', whose blobs do not fit; "
            "write one engine in both",
            layer=layer.name,
            related=(Label(other_node.span if other_node else other.head, there, source),),
            fix=fix,
        )


def _pairs(net: Net) -> Iterator[tuple[Layer, Layer, Net]]:
    """Each layer with the one, in whose net, that its weights come from by name."""
    layers = [layer for layer in net.batchnorms if net.views_of(layer)]
    training = net.sibling if layers and net.is_deploy else None
    if training is not None:
        trained = {b.name: b for b in training.batchnorms if training.is_active(b, "TRAIN")}
        for layer in layers:
            if layer.name in trained:
                yield layer, trained[layer.name], training
        return
    first: dict[str, Layer] = {}
    for layer in layers:
        twin = first.setdefault(layer.name, layer)
        if not any(twin in view for view in net.views_of(layer)):
            yield layer, twin, net


def _engine(layer: Layer) -> Scalar | Block | None:
    parameter = layer.parameter("batch_norm_param")
    return parameter.node_of("engine") if parameter is not None else None


VALID = (
    Example(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TRAIN }  }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TEST }
  batch_norm_param { engine: CUDNN }
}
""",
    ),
)
INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "x" }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TRAIN }  }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TEST }
  batch_norm_param { engine: CAFFE }
}
""",
        (5,),
    ),
    Invalid(
        "nvidia-0.14",
        """\
input: "x" input_dim: [1, 3, 8, 8]
layer { name: "c" type: "Convolution" bottom: "x" top: "c" }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "y"
}
""",
        (3,),
        fixed="""\
input: "x" input_dim: [1, 3, 8, 8]
layer { name: "c" type: "Convolution" bottom: "x" top: "c" }
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "y"
  batch_norm_param {
    engine: CAFFE
  }
}
""",
        others={
            "train_val.prototxt": """\
layer { name: "d" type: "Data" top: "x" top: "label" }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" }
layer { name: "bn" type: "BatchNorm" bottom: "c" top: "y" batch_norm_param { engine: CAFFE } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "label" }
"""
        },
        name="deploy.prototxt",
    ),
)
