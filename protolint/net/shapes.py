"""The shape of every blob of a net, as far as the prototxt decides it.

A view is gone down once; one rule for each family of layers gives the shape of a top from
those of the bottoms. What the text leaves open, such as the size of the images in a
database, is None; nothing here fails on a net that Caffe would refuse. Sources: LayerSetUp
and Reshape of each layer (src/caffe/layers @ BVLC master, NVIDIA v0.14.5 to v0.17.4); of
SSD's and DetectNet's layers @ NVIDIA v0.17.3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from protolint.layers.catalogue import ALL_TYPES, SHAPE_KEEPING
from protolint.layers.convolution import convolution, deconvolution, im2col, pooling
from protolint.layers.data import (
    IMAGE_LAYERS,
    declared,
    hdf5_data,
    images,
    memory_data,
    parameter,
)
from protolint.layers.fields import flag, integer, integers
from protolint.layers.layer import Layer
from protolint.layers.shape import SCALAR, UNKNOWN, Case, Shape, canonical, known_size, product
from protolint.net.facts import fact
from protolint.net.net import Net
from protolint.net.view import BlobVersion, View

__all__ = ["bottom_shapes", "is_understood", "shapes", "shapes_with"]

#: Levels above which no image is large enough for a pyramid.
_MOST_LEVELS = 15


@fact
def shapes(net: Net, view: View) -> Mapping[BlobVersion, Shape]:
    """Return the shape of each version in a view, as far as the net decides it."""
    return shapes_with(net, view, {})


def shapes_with(net: Net, view: View, given: Mapping[str, Shape]) -> dict[BlobVersion, Shape]:
    """Return the shape of each version in a view, where more is known than the net says.

    `given` holds what the net does not tell, by the name of the blob: the shape that an
    input has, or in which the layer that first writes the blob makes it.
    """
    known = {**_inputs(net), **given}
    paddings = _paddings(net)
    found: dict[BlobVersion, Shape] = {}
    for version in view.outputs.values():
        if version.producer is None:
            found[version] = known.get(version.name, UNKNOWN)
    for layer in view.layers:
        for read in view.bottoms[layer.index]:
            if read is not None and read.producer is None:
                found[read] = known.get(read.name, UNKNOWN)
        bottoms = bottom_shapes(view, layer, found)
        plain = layer.type in _PLAIN
        rule = _RULES.get(layer.type) if plain or is_understood(layer) else None
        padding = paddings.get(layer.index, 0)
        for i, top in enumerate(view.tops[layer.index]):
            if top.overwritten is None and top.name in given:
                found[top] = given[top.name]
            else:
                found[top] = rule(Case(layer, i, bottoms, padding)) if rule else UNKNOWN
    return found


def bottom_shapes(view: View, layer: Layer, known: Mapping[BlobVersion, Shape]) -> list[Shape]:
    """The shapes of a layer's bottoms; unknown where nothing produces one."""
    versions = view.bottoms[layer.index]
    return [UNKNOWN if v is None else known.get(v, UNKNOWN) for v in versions]


def is_understood(layer: Layer) -> bool:
    """Whether it can be told what the layer does.

    Its type is one of those that some Caffe registers, and the schema has the fields that
    the type reads: what a schema does not know was not read.
    """
    known = ALL_TYPES.get(layer.type)
    if known is None or layer.generation < 2:
        return known is not None
    return all(field in layer.message.type.fields for field in known.parameters)


def _inputs(net: Net) -> dict[str, Shape]:
    """The net's own inputs; `input_shape` wins over `input_dim`, four of which make an input."""
    message = net.message
    found = [Shape.of(shape.integers("dim")) for shape in message.messages("input_shape")]
    if not found:
        dims = message.integers("input_dim")
        found = [Shape.of(dims[i : i + 4]) for i in range(0, len(dims) - 3, 4)]
    return dict(zip(net.inputs, found, strict=False))


def _paddings(net: Net) -> dict[int, int]:
    """The pad that a V0 layer takes over from the padding layer above it, by layer index."""
    pads: dict[str, int] = {}
    for message in net.message.messages("layers"):
        inner = message.message("layer")
        if inner is not None and inner.text("type") == "padding":
            pads.update((top, inner.integer("pad")) for top in message.texts("top"))
    if not pads:
        return {}
    return {
        layer.index: pads[bottom]
        for layer in net.layers
        for bottom in layer.message.texts("bottom")[:1]
        if bottom in pads
    }


# One function for each family of layers: the shape of a top.


def _same(case: Case) -> Shape:
    return case.first


def _common(case: Case) -> Shape:
    return case.common


def _axpy(case: Case) -> Shape:
    """A factor for each channel, then two blobs of the shape of the top."""
    return Case(case.layer, 0, case.bottoms[1:]).common


def _spp(case: Case) -> Shape:
    """Whatever the image, level n of the pyramid has 2^n times 2^n bins."""
    levels = integer(case.layer, "spp_param", "pyramid_height")
    batch, channels = case.first.lead(2)
    if levels == 1:
        return Shape.of((batch, channels, 1, 1))
    if not 0 < levels <= _MOST_LEVELS:
        return UNKNOWN
    return Shape.of((batch, product((channels, sum(4**level for level in range(levels))))))


def _inner_product(case: Case) -> Shape:
    axis = canonical(integer(case.layer, "inner_product_param", "axis", 1), case.first)
    outputs = integer(case.layer, "inner_product_param", "num_output")
    return UNKNOWN if axis is None else Shape.of((*case.first.lead(axis), outputs))


def _embed(case: Case) -> Shape:
    outputs = integer(case.layer, "embed_param", "num_output")
    return Shape.of((*case.first.dims, outputs)) if case.first.complete else case.first


def _flatten(case: Case) -> Shape:
    bottom = case.first
    last = integer(case.layer, "flatten_param", "end_axis", -1)
    start = canonical(integer(case.layer, "flatten_param", "axis", 1), bottom)
    if start is None:
        return UNKNOWN
    if not bottom.complete:
        return Shape.of((*bottom.lead(start), None)) if last == -1 else Shape(bottom.lead(start))
    end = canonical(last, bottom)
    if end is None or end < start:
        return UNKNOWN
    folded = product(bottom.dims[start : end + 1])
    return Shape.of((*bottom.lead(start), folded, *bottom.dims[end + 1 :]))


def _reshape(case: Case) -> Shape:
    """0 copies an axis and -1 takes what is left, from `axis` on for `num_axes` axes."""
    bottom, message = case.first, case.layer.parameter("reshape_param")
    written = message.message("shape") if message is not None else None
    if message is None or written is None:
        return UNKNOWN
    start, replaced = message.integer("axis"), message.integer("num_axes")
    if start < 0 and bottom.axes is not None:
        start += bottom.axes + 1
    if start < 0 or (start > 0 and canonical(start - 1, bottom) is None):
        return UNKNOWN
    dims = written.integers("dim")
    sizes = [bottom.size(start + i) if dim == 0 else known_size(dim) for i, dim in enumerate(dims)]
    shape = Shape.of((*bottom.lead(start), *sizes))
    if bottom.axes is None:
        return shape if replaced < 0 else Shape(shape.dims)
    end = bottom.axes if replaced < 0 else start + replaced
    if end > bottom.axes:
        return UNKNOWN
    if -1 in dims:
        sizes[dims.index(-1)] = _left_over(bottom, start, end, dims)
    return Shape.of((*bottom.lead(start), *sizes, *bottom.dims[end:]))


def _left_over(bottom: Shape, start: int, end: int, dims: list[int]) -> int | None:
    """The size that -1 stands for; copied axes cancel out, whether known or not."""
    copied = {start + i for i, dim in enumerate(dims) if dim == 0}
    values = product(bottom.size(i) for i in range(start, end) if i not in copied)
    behind = (bottom.size(i) for i in copied if i >= end)
    parts = product((*behind, *(dim for dim in dims if dim > 0)))
    return values // parts if values and parts and values % parts == 0 else None


def _reduction(case: Case) -> Shape:
    axis = canonical(integer(case.layer, "reduction_param", "axis", 0), case.first)
    return UNKNOWN if axis is None else Shape.of(case.first.lead(axis))


def _concat(case: Case) -> Shape:
    common = case.common
    older = integer(case.layer, "concat_param", "concat_dim", 1)
    axis = canonical(integer(case.layer, "concat_param", "axis", older), common)
    if axis is None:
        return UNKNOWN
    sizes = [bottom.size(axis) for bottom in case.bottoms]
    return common.resized(axis, None if None in sizes else sum(size or 0 for size in sizes))


def _slice(case: Case) -> Shape:
    """Between two points, or equal parts."""
    older = integer(case.layer, "slice_param", "slice_dim", 1)
    axis = canonical(integer(case.layer, "slice_param", "axis", older), case.first)
    if axis is None:
        return UNKNOWN
    size, count = case.first.size(axis), len(case.layer.tops)
    points: list[int | None] = [*integers(case.layer, "slice_param", "slice_point")]
    if not points:
        return case.first.resized(axis, size // count if size and size % count == 0 else None)
    ends = [0, *points, size]
    start, end = ends[case.i : case.i + 2] if case.i < len(ends) - 1 else (None, None)
    return case.first.resized(axis, None if start is None or end is None else end - start)


def _crop(case: Case) -> Shape:
    """From `axis` on the sizes of the second bottom."""
    first, second = case.bottom(0), case.bottom(1)
    axis = canonical(integer(case.layer, "crop_param", "axis", 2), first)
    if axis is None:
        return UNKNOWN
    length = len(first.dims) if first.complete else max(axis, len(second.dims))
    dims = ((first if i < axis else second).size(i) for i in range(length))
    return Shape(tuple(dims), first.complete or second.complete)


def _tile(case: Case) -> Shape:
    axis = canonical(integer(case.layer, "tile_param", "axis", 1), case.first)
    if axis is None:
        return UNKNOWN
    tiles = known_size(integer(case.layer, "tile_param", "tiles"))
    return case.first.resized(axis, product((case.first.size(axis), tiles)))


def _argmax(case: Case) -> Shape:
    """One axis cut to the best; without `axis` at least three: batch, rows, the best."""
    bottom = case.first
    best = integer(case.layer, "argmax_param", "top_k", 1)
    given = integers(case.layer, "argmax_param", "axis")
    if given:
        axis = canonical(given[0], bottom)
        return UNKNOWN if axis is None else bottom.resized(axis, best)
    rows = 2 if flag(case.layer, "argmax_param", "out_max_val") else 1
    lead = (bottom.size(0), rows, known_size(best))
    return Shape(lead) if bottom.axes is None else Shape.of((*lead, *[1] * (bottom.axes - 3)))


def _batch_reindex(case: Case) -> Shape:
    return case.first.resized(0, case.bottom(1).size(0)) if case.first.dims else UNKNOWN


def _filter(case: Case) -> Shape:
    """How many items of a batch pass is known only while the net runs."""
    bottom = case.bottom(case.i)
    return bottom.resized(0, None) if bottom.dims else UNKNOWN


def _loss(case: Case) -> Shape:
    """A scalar; a second top has the probabilities (softmax_loss_layer.cpp)."""
    return SCALAR if case.i == 0 else case.first


def _accuracy(case: Case) -> Shape:
    """A scalar; a second top has the accuracy of each class."""
    if case.i == 0:
        return SCALAR
    axis = canonical(integer(case.layer, "accuracy_param", "axis", 1), case.first)
    return Shape.of((None if axis is None else case.first.size(axis),))


def _recurrent(case: Case) -> Shape:
    """Steps, streams, outputs; a hidden state that is exposed has one step."""
    outputs = integer(case.layer, "recurrent_param", "num_output")
    steps = case.first.size(0) if case.i == 0 else 1
    return Shape.of((steps, case.first.size(1), outputs))


def _permute(case: Case) -> Shape:
    """Axes that are not named follow in their order."""
    bottom = case.first
    if not bottom.complete:
        return UNKNOWN
    order = integers(case.layer, "permute_param", "order")
    order += [axis for axis in range(len(bottom.dims)) if axis not in order]
    return Shape.of(bottom.size(axis) for axis in order)


def _prior_box(case: Case) -> Shape:
    """Boxes and their variances, four numbers for each box at each place."""
    message = case.layer.parameter("prior_box_param")
    if message is None:
        return Shape.of((1, 2, None))
    ratios = [1.0]
    for ratio in message.numbers("aspect_ratio"):
        if ratio and all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio] if message.flag("flip") else [ratio]
    smallest, largest = message.numbers("min_size"), message.numbers("max_size")
    boxes = len(ratios) * len(smallest) + len(largest)
    return Shape.of((1, 2, product((case.first.size(2), case.first.size(3), boxes, 4))))


def _detections(_case: Case) -> Shape:
    """A row for each box that is found."""
    return Shape.of((1, 1, None, 7))


def _evaluation(_case: Case) -> Shape:
    """A row for each class and each box."""
    return Shape.of((1, 1, None, 5))


def _detectnet(case: Case) -> Shape:
    """Images of the size asked for, and a grid over them of classes and eight more numbers.

    Source: detectnet_transform_layer.cpp, util/detectnet_coverage_rectangular.cpp.
    """
    name = "detectnet_groundtruth_param"
    height = integer(case.layer, name, "image_size_y", 384)
    width = integer(case.layer, name, "image_size_x", 1248)
    batch = case.bottom(case.i).size(0)
    if case.i == 0:
        return Shape.of((batch, 3, height, width))
    stride = integer(case.layer, name, "stride", 4)
    message = case.layer.parameter(name)
    classes = message.messages("object_class") if message is not None else []
    labels = 9 + max((mapping.integer("dst") for mapping in classes), default=0)
    grid = (side // stride if stride and side % stride == 0 else None for side in (height, width))
    return Shape.of((batch, labels, *grid))


_KEEPING = SHAPE_KEEPING | {
    "Clip", "LRN", "LSTMUnit", "MVN", "Normalize", "Softmax", "Split", "Swish", "Threshold",
}  # fmt: skip
_LOSSES = {name for name in ALL_TYPES if name.endswith("Loss")}
#: Types whose shapes do not depend on any parameter.
_PLAIN = _KEEPING | _LOSSES

_RULES: dict[str, Callable[[Case], Shape]] = {
    **dict.fromkeys(_KEEPING, _same),
    **dict.fromkeys(_LOSSES, _loss),
    **dict.fromkeys(IMAGE_LAYERS, images),
    **dict.fromkeys(("DummyData", "Input"), declared),
    **dict.fromkeys(("LSTM", "RNN"), _recurrent),
    "Accuracy": _accuracy,
    "ArgMax": _argmax,
    "Axpy": _axpy,
    "BatchReindex": _batch_reindex,
    "Concat": _concat,
    "Convolution": convolution,
    "Crop": _crop,
    "Deconvolution": deconvolution,
    "DetectNetTransformation": _detectnet,
    "DetectionEvaluate": _evaluation,
    "DetectionOutput": _detections,
    "Eltwise": _common,
    "Embed": _embed,
    "Filter": _filter,
    "Flatten": _flatten,
    "HDF5Data": hdf5_data,
    "Im2col": im2col,
    "InnerProduct": _inner_product,
    "MemoryData": memory_data,
    "Parameter": parameter,
    "Permute": _permute,
    "Pooling": pooling,
    "PriorBox": _prior_box,
    "Reduction": _reduction,
    "Reshape": _reshape,
    "SPP": _spp,
    "Slice": _slice,
    "Tile": _tile,
}
