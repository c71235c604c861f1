"""What a deploy net and its training net must have in common."""

from __future__ import annotations

from collections.abc import Iterator

from protolint.caffe.batchnorm import Affine
from protolint.caffe.binder import Message
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.fields import integer
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape
from protolint.net.learning import learnable_blobs
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.source import Span

_NORMALISING = ("BatchNorm", "Scale")
_WEIGHTED = ("Convolution", "Deconvolution", "InnerProduct")
_OTHER_NAMES = {
    "kernel_size": ("kernel_h", "kernel_w"),
    "pad": ("pad_h", "pad_w"),
    "stride": ("stride_h", "stride_w"),
    "scale_bias": ("scale_filler", "bias_filler"),
}
_DEFAULTS = {"kernel_size": 0, "pad": 0, "stride": 1}


def settings(net: Net, layer: Layer) -> dict[str, str]:
    """Return what a layer computes beside its weights and must not change: field, value."""
    if layer.type == "BatchNorm":
        traits = net.traits(layer)
        found = {"eps": f"{traits.eps:g}"}
        if traits.kind.affine is Affine.ON_REQUEST:
            found["scale_bias"] = str(traits.affine).lower()
        return found
    param = _parameter(layer)
    if param is None:
        return {}
    if layer.type == "Pooling":
        return {"pool": param.text("pool")} | ({} if _is_global(param) else _window(param))
    if layer.type in ("Convolution", "Deconvolution"):
        dilation = _joined(param.integers("dilation"), 1)
        window = _window(param) | {"dilation": dilation, "group": str(param.integer("group"))}
        return window | _blobs(param)
    return _blobs(param) if layer.type == "InnerProduct" else {}


def _blobs(param: Message) -> dict[str, str]:
    """Return what decides the blobs of a layer; DIGITS gives a last layer its outputs later."""
    found = {"bias_term": str(param.flag("bias_term")).lower()}
    return found | {"num_output": str(n)} if (n := param.integer("num_output")) else found


def is_folded(net: Net, layer: Layer, training: Net) -> bool:
    """Whether what follows a layer in the training net is missing, and its bias may be that."""
    return any(above is layer for _, above in folded_layers(net, training))


def what_it_sees(net: Net, layer: Layer, view: View) -> Shape:
    """Return the shape of one image of an InnerProduct's bottom; unknown if any part is."""
    axis = max(0, integer(layer, "inner_product_param", "axis", 1))
    shape = shapes(net, view).get(version) if (version := view.bottom(layer)) else None
    return UNKNOWN if shape is None else Shape(shape.dims[axis:], shape.complete)


def is_same_model(net: Net, training: Net) -> bool:
    """Whether three quarters of a deploy net's convolutions and products are in the other too."""
    names = {(layer.type, layer.name) for layer in training.layers}
    weighted = net.of_types(_WEIGHTED)
    return 4 * sum((layer.type, layer.name) in names for layer in weighted) >= 3 * len(weighted)


def place(layer: Layer, field: str) -> Span:
    """Where a setting stands, or else what should hold it."""
    param = _parameter(layer)
    for name in (field, *_OTHER_NAMES.get(field, ())):
        node = param.node_of(name) if param is not None else None
        if node is not None:
            return node.span
    return layer.anchor(ALL_TYPES[layer.type].parameters[0])


def _parameter(layer: Layer) -> Message | None:
    known = ALL_TYPES.get(layer.type)
    return layer.parameter(known.parameters[0]) if known is not None and known.parameters else None


def _is_global(param: Message) -> bool:
    return param.flag("global_pooling")


def _window(param: Message) -> dict[str, str]:
    found = {}
    for field, default in _DEFAULTS.items():
        halves = _OTHER_NAMES[field]
        if any(half in param for half in halves):
            sizes = [param.integer(half) for half in halves]
        else:
            sizes = param.integers(field)
        found[field] = _joined(sizes, default)
    return found


def _joined(sizes: list[int], default: int) -> str:
    sizes = sizes or [default]
    return "×".join(map(str, sizes if len(set(sizes)) > 1 else sizes[:1]))


def heads(view: View) -> Iterator[tuple[Layer, Layer | None]]:
    """Each BatchNorm and one-bottom Scale, with the layer their chain begins with."""
    found: dict[int, Layer | None] = {}
    for layer in view.layers:
        if layer.type not in _NORMALISING or len(layer.bottoms) != 1:
            continue
        version = view.bottom(layer)
        producer = version.producer if version is not None else None
        if producer is not None and producer.index in found:
            producer = found[producer.index]
        found[layer.index] = producer
        yield layer, producer


def lost_layers(net: Net, training: Net) -> Iterator[tuple[Layer, Layer]]:
    """Yield the BatchNorm and Scale layers a deploy net should have, with the layer above.

    Left out are those that were folded, and those on a branch that deploy does not have.
    """
    folded = {id(layer) for layer, _ in folded_layers(net, training)}
    for layer, above, _ in _missing(net, training):
        if id(layer) not in folded:
            yield layer, above


def folded_layers(net: Net, training: Net) -> Iterator[tuple[Layer, Layer]]:
    """Yield the layers that were folded into one of the deploy net, and that one."""
    for layer, above, head in _missing(net, training):
        if head is not None and _is_folded(net, above, training, head):
            yield layer, above


def _missing(net: Net, training: Net) -> Iterator[tuple[Layer, Layer, Layer | None]]:
    """Yield the BatchNorm and Scale layers that are missing, and the layer they followed.

    The last is that layer in the training net, None where they work on the data itself.
    """
    view = training.views[-1]
    here = {layer.name: layer for layer in reversed(net.views[0].layers)}
    leads = _leads_to(view, set(here))
    for layer, head in heads(view):
        if layer.name in here or layer.index not in leads:
            continue
        if head is None or not head.bottoms:
            yield layer, net.layers[0], None
        elif head.name in here:
            yield layer, here[head.name], head


def _leads_to(view: View, names: set[str]) -> set[int]:
    """Return the layers below which, by some path, a layer of these names stands."""
    found: set[int] = set()
    for layer in reversed(view.layers):
        readers = [reader for version in view.tops[layer.index] for reader in version.readers]
        if any(reader.index in found or reader.name in names for reader in readers):
            found.add(layer.index)
    return found


def _is_folded(net: Net, layer: Layer, training: Net, trained: Layer) -> bool:
    gained = learnable_blobs(net, layer) > learnable_blobs(training, trained)
    return gained or (learnable_blobs(net, layer) == 2 and not net.batchnorms)
