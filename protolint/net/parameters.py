"""The learnable blobs of a layer: what each holds, its shape, its learning rate.

Sources: LayerSetUp of each layer (src/caffe/layers @ BVLC master, NVIDIA v0.14.5 to
v0.17.4); for BatchNorm batch_norm_layer.cpp and cudnn_batch_norm_layer.cpp of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.convolution import windows
from protolint.layers.fields import flag, integer, learning_rates
from protolint.layers.layer import Layer
from protolint.layers.shape import SCALAR, UNKNOWN, Shape, canonical, product
from protolint.net.facts import fact
from protolint.net.net import Net
from protolint.net.shapes import bottom_shapes, is_understood, shapes
from protolint.net.view import View

__all__ = ["Parameter", "layer_parameters", "parameters"]

_STATISTICS = frozenset({"mean", "variance", "factor", "reserved"})


class Parameter(NamedTuple):
    """One learnable blob.

    `role` says what it holds; `name` is the one under which it is shared, "" if it is not.
    """

    role: str
    shape: Shape
    lr_mult: float
    name: str = ""

    @property
    def is_statistic(self) -> bool:
        """Whether a BatchNorm keeps it itself, without a gradient."""
        return self.role in _STATISTICS


@fact
def parameters(net: Net, view: View) -> Mapping[int, tuple[Parameter, ...] | None]:
    """Return what `layer_parameters` finds for each layer of a view, by the layer's index."""
    known = shapes(net, view)
    return {
        layer.index: layer_parameters(net, layer, bottom_shapes(view, layer, known))
        for layer in view.layers
    }


def layer_parameters(net: Net, layer: Layer, bottoms: list[Shape]) -> tuple[Parameter, ...] | None:
    """Return the learnable blobs of a layer in order; None where their number is not known.

    `lr_mult` is the one that holds when the net is built, not always the one that is written.
    """
    known = ALL_TYPES.get(layer.type)
    if known is not None and not known.learnable:
        return ()
    if known is None or not is_understood(layer) or layer.type == "Python":
        return None
    if layer.type == "BatchNorm":
        blobs = list(_batchnorm(net, layer, bottoms[0] if bottoms else UNKNOWN))
    else:
        blobs = list(_BLOBS[layer.type](layer, bottoms or [UNKNOWN]))
    rates, names = learning_rates(layer), _names(layer)
    found = []
    for i, (role, shape) in enumerate(blobs):
        rate = rates[i] if i < len(rates) else 1.0
        if layer.type == "BatchNorm" and net.dialect.masks_statistics:
            # The layer sets all of them itself, gamma and beta to 1 (NVIDIA 0.16 on).
            rate = 0.0 if role in _STATISTICS else 1.0
        found.append(Parameter(role, shape, rate, names[i] if i < len(names) else ""))
    return tuple(found)


def _names(layer: Layer) -> list[str]:
    """The names under which a layer shares its blobs; V1 has them alone in `param`."""
    if layer.generation == 2:
        return [param.name for param in layer.params]
    return layer.message.texts("param")


_Blob = tuple[str, Shape]


def _batchnorm(net: Net, layer: Layer, bottom: Shape) -> Iterator[_Blob]:
    """The blobs of cuDNN had four axes until 0.16; a bottom of one axis is one channel."""
    traits = net.traits(layer)
    channels = 1 if bottom.axes == 1 else bottom.size(1)
    four = traits.kind.blob_axes == 4
    for role in traits.blobs:
        size = 1 if role in ("factor", "reserved") else channels
        yield role, Shape.of((1, size, 1, 1) if four else (size,))


def _bias(layer: Layer, parameter: str, outputs: int) -> Iterator[_Blob]:
    if flag(layer, parameter, "bias_term", True):
        yield "bias", Shape.of((outputs,))


def _convolution(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    """Output channels, input channels of a group, kernel; turned round for a Deconvolution."""
    bottom = bottoms[0]
    axis = canonical(integer(layer, "convolution_param", "axis", 1), bottom)
    outputs = integer(layer, "convolution_param", "num_output")
    group = integer(layer, "convolution_param", "group", 1)
    channels = None if axis is None else bottom.size(axis)
    found = None if axis is None else windows(layer, axis, bottom)
    turned = layer.type == "Deconvolution"
    first, second = (channels, outputs) if turned else (outputs, channels)
    second = second // group if second and group and second % group == 0 else None
    lead = Shape.of((first, second))
    if found is None:
        yield "weights", Shape(lead.dims)
    else:
        yield "weights", Shape.of((*lead.dims, *(window.kernel for window in found)))
    yield from _bias(layer, "convolution_param", outputs)


def _inner_product(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    bottom = bottoms[0]
    axis = canonical(integer(layer, "inner_product_param", "axis", 1), bottom)
    known = axis is not None and bottom.complete
    inputs = product(bottom.dims[axis:]) if known else None
    outputs = integer(layer, "inner_product_param", "num_output")
    turned = flag(layer, "inner_product_param", "transpose")
    yield "weights", Shape.of((inputs, outputs) if turned else (outputs, inputs))
    yield from _bias(layer, "inner_product_param", outputs)


def _embed(layer: Layer, _bottoms: list[Shape]) -> Iterator[_Blob]:
    outputs = integer(layer, "embed_param", "num_output")
    yield "weights", Shape.of((integer(layer, "embed_param", "input_dim"), outputs))
    yield from _bias(layer, "embed_param", outputs)


def _scale(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    """Some axes of the first bottom, or what the second bottom has instead."""
    own = len(bottoms) < 2
    shape = _axes(layer, "scale_param", bottoms[0]) if own else bottoms[1]
    if own:
        yield "scale", shape
    if flag(layer, "scale_param", "bias_term"):
        yield "bias", shape


def _added(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    if len(bottoms) < 2:
        yield "bias", _axes(layer, "bias_param", bottoms[0])


def _axes(layer: Layer, parameter: str, bottom: Shape) -> Shape:
    """`num_axes` axes from `axis` on, -1 for all the rest."""
    count = integer(layer, parameter, "num_axes", 1)
    if count == 0:
        return SCALAR
    start = canonical(integer(layer, parameter, "axis", 1), bottom)
    if start is not None and count < 0:
        return Shape(bottom.dims[start:], bottom.complete)
    if start is None or canonical(start + count - 1, bottom) is None:
        return Shape.of((None,)) if count == 1 else UNKNOWN
    return Shape.of(bottom.size(start + i) for i in range(count))


def _prelu(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    shared = flag(layer, "prelu_param", "channel_shared")
    yield "slope", SCALAR if shared else Shape.of((bottoms[0].size(1),))


def _normalize(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    shared = flag(layer, "norm_param", "channel_shared", True)
    yield "scale", SCALAR if shared else Shape.of((bottoms[0].size(1),))


def _parameter(layer: Layer, _bottoms: list[Shape]) -> Iterator[_Blob]:
    message = layer.parameter("parameter_param")
    shape = message.message("shape") if message is not None else None
    yield "values", UNKNOWN if shape is None else Shape.of(shape.integers("dim"))


def _recurrent(layer: Layer, bottoms: list[Shape]) -> Iterator[_Blob]:
    """In the order of the unrolled net; a third bottom that is no hidden state is static."""
    long = layer.type == "LSTM"
    exposed = flag(layer, "recurrent_param", "expose_hidden") * (2 if long else 1)
    outputs = integer(layer, "recurrent_param", "num_output")
    gates = 4 * outputs if long else outputs
    to, hidden = ("c", "hc") if long else ("h", "hh")
    yield f"W_x{to}", Shape.of((gates, _inputs(bottoms[0], 2)))
    yield f"b_{to}", Shape.of((gates,))
    if len(bottoms) > 2 + exposed:
        yield f"W_x{to}_static", Shape.of((gates, _inputs(bottoms[2], 1)))
    yield f"W_{hidden}", Shape.of((gates, outputs))
    if not long:
        yield "W_ho", Shape.of((outputs, outputs))
        yield "b_o", Shape.of((outputs,))


def _inputs(bottom: Shape, axis: int) -> int | None:
    return product(bottom.dims[axis:]) if bottom.complete else None


_BLOBS: dict[str, Callable[[Layer, list[Shape]], Iterator[_Blob]]] = {
    **dict.fromkeys(("Convolution", "Deconvolution"), _convolution),
    **dict.fromkeys(("LSTM", "RNN"), _recurrent),
    "Bias": _added,
    "Embed": _embed,
    "InnerProduct": _inner_product,
    "Normalize": _normalize,
    "PReLU": _prelu,
    "Parameter": _parameter,
    "Scale": _scale,
}
