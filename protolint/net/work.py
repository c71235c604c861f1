"""How much a layer computes: the multiplications of its weights with what it reads.

Only layers that multiply by a matrix count, as in the figures that papers give: a convolution
uses each of its weights once for every place of its top, a Deconvolution once for every place
of its bottom, an InnerProduct once for every row (base_conv_layer.cpp, inner_product_layer.cpp
in src/caffe/layers @ 1.0).
"""

from __future__ import annotations

from collections.abc import Sequence

from protolint.layers.fields import integer
from protolint.layers.layer import Layer
from protolint.layers.shape import Shape
from protolint.net.parameters import Parameter

__all__ = ["multiplications"]

_MULTIPLY = frozenset({"Convolution", "Deconvolution", "InnerProduct"})
# Their products depend on how many steps the input has, which is not followed here.
_UNKNOWN = frozenset({"LSTM", "RNN"})


def multiplications(
    layer: Layer,
    bottoms: Sequence[Shape],
    tops: Sequence[Shape],
    parameters: Sequence[Parameter] | None,
) -> int | None:
    """The multiply-accumulates of one forward pass over the whole batch.

    0 for layers that multiply by no matrix, None where a shape is not known.
    """
    if parameters is None or layer.type in _UNKNOWN:
        return None
    if layer.type not in _MULTIPLY or not parameters:
        return 0
    weights = parameters[0].shape
    if layer.type == "Deconvolution":
        blobs, width = bottoms, weights.size(0)
    else:
        parameter = "convolution_param" if layer.type == "Convolution" else "inner_product_param"
        blobs, width = tops, integer(layer, parameter, "num_output")
    places = [blob.values // width if blob.values is not None and width else None for blob in blobs]
    if weights.values is None or None in places:
        return None
    return weights.values * sum(count or 0 for count in places)
