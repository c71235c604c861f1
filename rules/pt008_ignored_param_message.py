"""A parameter message of another layer type.

What it does
    Reports a layer that carries the `*_param` message of a type it is not: `scale_param` in a
    BatchNorm, `batch_norm_param` in a Scale, `convolution_param` in an InnerProduct. Only the
    first of a layer is reported.

Why it matters
    The message is parsed and then never looked at, so its settings are lost without a word:
    the layer runs with its defaults.

Which Caffe
    All. Some types share a message, such as `convolution_param` in Deconvolution and
    `softmax_param` in SoftmaxWithLoss; `loss_param` is taken as it is, and `transform_param`
    in layers that read images. So are layers of type Python and of types that the target does
    not register. ImageData and WindowData read how far to prefetch from `data_param`, and
    nothing else of it.

Evidence
    intel/caffe#120, BVLC/caffe#5829; LayerParameter in caffe.proto of every branch.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.binder import Message
from protolint.diagnostic import Severity
from protolint.layers.base import LayerType
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._layers import named

#: Layers with a DataTransformer (include/caffe/layers); HDF5Data refuses the message (NT016).
_TRANSFORMING = frozenset(
    (
        "AnnotatedData", "BoxData", "Data", "DetectNetTransformation", "DetectionOutput",
        "HDF5Data", "ImageData", "MemoryData", "VideoData", "WindowData",
    )
)  # fmt: skip

#: Losses have one, the base class of MKL-DNN's layers reads the other (mkldnn_base.cpp @ 1.1.6).
_OF_ALL = ("loss_param", "quantization_param")


@net_rule("PT008", "ignored-param-message", Severity.WARNING)
def check(net: Net) -> Iterator[Finding]:
    known = net.dialect.layer_types - net.custom_types - {"Python"}
    for name, layers in net.by_type.items():
        usual: set[str] = set()
        for layer in layers if name in known else ():
            given = layer.message.given
            if given.keys() <= usual:
                continue
            usual.update(field for field in given if _is_usual(ALL_TYPES[name], field))
            ignored = next(_ignored(net, layer), None)
            if ignored is None or ignored.node is None or not net.keeps(layer):
                continue
            yield Finding(
                ignored.node.head_span,
                f"{named(layer)}: '{ignored.node.name}' has no effect on a {layer.type} layer; "
                "remove it, or correct the type",
                layer=layer.name,
            )


def _is_usual(known: LayerType, field: str) -> bool:
    """Whether a field is no parameter message, or one that a type reads whatever is in it."""
    return (
        not field.endswith("_param")
        or field in known.parameters
        or field in _OF_ALL
        or (field == "transform_param" and known.name in _TRANSFORMING)
    )


def _ignored(net: Net, layer: Layer) -> Iterator[Message]:
    """Yield the parameter messages of a layer that its type does not read.

    Of a field that only the user's own Caffe has it is not known who reads it.
    """
    known = ALL_TYPES[layer.type]
    for field in layer.message.given:
        if _is_usual(known, field):
            continue
        value = layer.message.message(field)
        if value is None or not net.dialect.knows_field(layer.message.type.name, field):
            continue
        if field not in known.reads_of or not known.reads_of[field] >= value.given.keys():
            yield value


VALID = (
    Example(
        "bvlc",
        """\
layer {
  name: "a"
  type: "BatchNorm"
  bottom: "x"
  top: "a"
  batch_norm_param { eps: 0.001 }
}
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer {
  name: "a"
  type: "BatchNorm"
  bottom: "x"
  top: "a"
  scale_param { bias_term: true }
}
""",
        (6,),
    ),
)
