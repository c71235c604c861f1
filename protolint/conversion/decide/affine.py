"""The layer behind a BatchNorm that is its gamma and beta: a Scale, or what is in its place.

NVIDIA 0.14 has no Scale layer. A convolution with a kernel of 1 and a group for each
channel multiplies and adds the same; only one that a conversion has put in is taken for it.
"""

from __future__ import annotations

from protolint.caffe.binder import Message
from protolint.conversion.decide.memory import is_added
from protolint.layers.layer import Layer
from protolint.source import Source

__all__ = ["CONVOLUTION", "SCALE", "affine_fields", "has_beta", "has_groups", "is_depthwise"]

SCALE, CONVOLUTION = "Scale", "Convolution"

#: The parameter message of each type, and its fillers for gamma and beta.
_FIELDS = {
    SCALE: ("scale_param", "filler", "bias_filler"),
    CONVOLUTION: ("convolution_param", "weight_filler", "bias_filler"),
}


def affine_fields(type: str) -> tuple[str, str, str]:
    """Return the parameter message of a Scale or Convolution layer, and its two fillers."""
    return _FIELDS[type]


def has_beta(layer: Layer) -> bool:
    """Whether a Scale layer, or a convolution in its place, has a beta."""
    param = layer.parameter(affine_fields(layer.type)[0])
    if layer.type == CONVOLUTION:
        return param is None or "bias_term" not in param or param.flag("bias_term")
    return param is not None and param.flag("bias_term")


def is_depthwise(layer: Layer, source: Source) -> bool:
    """Whether a layer is a convolution that a conversion put in for a Scale layer."""
    return layer.type == CONVOLUTION and is_added(source, layer.node) and has_groups(layer)


def has_groups(layer: Layer) -> bool:
    """Whether a convolution has a kernel of 1 and a group for each channel."""
    param: Message | None = layer.parameter("convolution_param")
    if param is None or len(layer.bottoms) != 1 or len(layer.tops) != 1:
        return False
    outputs = param.integer("num_output")
    grouped = outputs > 0 and param.integer("group") == outputs
    return grouped and param.integers("kernel_size") == [1]
