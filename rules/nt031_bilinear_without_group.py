"""A bilinear upsampling that gives every channel the same map.

What it does
    Reports a Convolution or Deconvolution of the training net that does not learn, has
    `weight_filler { type: "bilinear" }`, several outputs and several channels for each group.

Why it matters
    The filler writes the same kernel for every pair of channels, so that each output is the
    sum of all channels, upsampled: all classes get one map, Softmax gives each the same
    probability, and every gradient is 0.

Which Caffe
    All. It is right with `group` and `num_output` equal to the number of channels. Where the
    layer learns, its outputs can part, and this rule is silent.

Fix
    Unsafe: `group` of the number of channels, where `num_output` is that number, too.

Evidence
    BVLC/caffe#3906; BilinearFiller (include/caffe/filler.hpp) of every branch; observed in a
    real build: the loss stays at ln 2, and falls with `group: 2`.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.fields import integer, size
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import TRAIN, Net
from protolint.net.shapes import shapes
from protolint.text.write import append_field

from ._layers import named
from ._starts import filler, weights_learn

_P = "convolution_param"


@net_rule("NT031", "bilinear-without-group", Severity.WARNING, words=("bilinear",))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(("Convolution", "Deconvolution")):
        found = filler(layer)
        if found is None or found.text("type") != "bilinear" or weights_learn(layer):
            continue
        views = net.views_of(layer, TRAIN)
        version = views[0].bottom(layer) if views else None
        shape = shapes(net, views[0]).get(version) if version is not None else None
        channels = None if shape is None else shape.size(1)
        outputs, group = size(layer, _P, "num_output") or 1, integer(layer, _P, "group", 1)
        if channels is None or group < 1 or outputs <= group or channels <= group:
            continue
        yield Finding(
            layer.anchor(_P) if found.node is None else found.node.head_span,
            f"{named(layer)}: each of {outputs} outputs gets the same sum of {channels // group} "
            f"channels; upsampling takes group: {channels}",
            layer=layer.name,
            fix=_fix(net, layer) if channels == outputs else None,
        )


def _fix(net: Net, layer: Layer) -> Fix | None:
    param = layer.parameter(_P)
    if param is None or param.node is None or "group" in param:
        return None
    outputs = size(layer, _P, "num_output")
    edit = append_field(net.source, param.node, [f"group: {outputs}"])
    return Fix(f"Give each channel its own group: {outputs}", (edit,), Applicability.UNSAFE)


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [1, 2, 8, 8] } } }
layer {
  name: "up"
  type: "Deconvolution"
  bottom: "x"
  top: "up"
  param { lr_mult: 0 }
  convolution_param {
    kernel_size: 4
    stride: 2
    weight_filler { type: "bilinear" }
    bias_term: false
    num_output: 2
  }
}
""",
        (12,),
        fixed="""\
layer { name: "d" type: "DummyData" top: "x"
  dummy_data_param { shape { dim: [1, 2, 8, 8] } } }
layer {
  name: "up"
  type: "Deconvolution"
  bottom: "x"
  top: "up"
  param { lr_mult: 0 }
  convolution_param {
    kernel_size: 4
    stride: 2
    weight_filler { type: "bilinear" }
    bias_term: false
    num_output: 2
    group: 2
  }
}
""",
    ),
)
