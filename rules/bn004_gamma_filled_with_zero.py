"""A gamma whose filler gives it the value 0.

What it does
    Reports the `scale_filler` of a BatchNorm that has gamma, and the `filler` of a Scale that
    reads a BatchNorm, where it is there but fills with the constant 0: no `type` or
    "constant", and no `value` or 0.

Why it matters
    A filler without `value` fills with 0, also one that is there only for show
    (`scale_filler { }`). The layer puts out beta alone and passes no gradient on until gamma
    has moved.

Which Caffe
    `scale_filler`: NVIDIA 0.14 on cuDNN, 0.15, and 0.16 and later, where it gives the layer its
    gamma as well. `filler` of a Scale: all but NVIDIA 0.14; without a filler a Scale starts
    at 1. An explicit 0 before the sum of a residual block is a recipe and is let pass.
    Source: FillerParameter in caffe.proto, scale_layer.cpp, batch_norm_layer.cpp.

Fix
    Safe where `value` is missing: adds `value: 1`. Unsafe where it is given as 0.

Evidence
    NVIDIA/DIGITS#629; observed: BatchNorm of NVIDIA 0.15 to 0.17 and Scale of all start at 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.diagnostic import Severity
from protolint.edit import Applicability, Fix
from protolint.layers.eltwise import operation
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.facts import layer_fact
from protolint.net.net import Net
from protolint.net.view import View
from protolint.text.tree import Scalar
from protolint.text.write import append_field, replace_value

from ._layers import named

#: Where the filler of gamma stands.
_PARAMETERS = {
    "BatchNorm": ("batch_norm_param", "scale_filler"),
    "Scale": ("scale_param", "filler"),
}
_AFFINE = frozenset({"Scale", "Bias", "Dropout"})


@net_rule("BN004", "gamma-filled-with-zero", Severity.ERROR, types=("BatchNorm",))
def check(net: Net) -> Iterator[Finding]:
    zero = {layer.index for layer in net.of_types(_PARAMETERS) if _is_filled_with_zero(net, layer)}
    for batchnorm in net.batchnorms if zero else ():
        for view in net.views_of(batchnorm, "TRAIN"):
            for layer in (batchnorm, *view.readers(batchnorm)):
                filler = _filler(layer) if layer.index in zero else None
                if filler is None or filler.node is None:
                    continue
                if layer.type == "BatchNorm" and not net.traits(layer).affine:
                    continue
                if "value" in filler and _is_summed(view, layer):
                    continue
                zero.discard(layer.index)
                yield Finding(
                    filler.node.head_span,
                    f"{named(layer)}: gamma is filled with 0; set value: 1",
                    layer=layer.name,
                    fix=_fix(net, filler),
                )


def _filler(layer: Layer) -> Message | None:
    parameter, field = _PARAMETERS[layer.type]
    param = layer.parameter(parameter)
    return param.message(field) if param is not None else None


@layer_fact
def _is_filled_with_zero(_net: Net, layer: Layer) -> bool:
    """Whether the gamma of a layer, if it has one, is filled with 0."""
    filler = _filler(layer)
    if filler is None or (layer.type == "Scale" and len(layer.bottoms) != 1):
        return False
    return filler.text("type") == "constant" and filler.number("value") == 0


def _is_summed(view: View, layer: Layer) -> bool:
    """Whether the layer is the last one of a residual branch."""
    readers = view.readers(layer)
    while len(readers) == 1 and readers[0].type in _AFFINE:
        readers = view.readers(readers[0])
    return any(reader.type == "Eltwise" and operation(reader) == "SUM" for reader in readers)


def _fix(net: Net, filler: Message) -> Fix | None:
    block, value = filler.node, filler.node_of("value")
    if isinstance(value, Scalar):
        edit = replace_value(value, "1")
        return Fix("Let gamma start at 1", (edit,), Applicability.UNSAFE)
    if block is None or not filler.values.keys() >= {child.name for child in block.children}:
        return None  # a misspelt field may be the value
    return Fix("Let gamma start at 1", (append_field(net.source, block, ["value: 1"]),))


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
layer {
  name: "bn" type: "BatchNorm" bottom: "conv" top: "bn"
  batch_norm_param { scale_filler { } }
}
layer {
  name: "scale" type: "Scale" bottom: "bn" top: "scale"
  scale_param {  }
}
layer { name: "next" type: "ReLU" bottom: "scale" bottom: "conv" top: "next" }
""",
        (5,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" }
layer {
  name: "bn" type: "BatchNorm" bottom: "conv" top: "bn"
  batch_norm_param { scale_filler { value: 1 } }
}
layer {
  name: "scale" type: "Scale" bottom: "bn" top: "scale"
  scale_param {  }
}
layer { name: "next" type: "ReLU" bottom: "scale" bottom: "conv" top: "next" }
""",
    ),
)
