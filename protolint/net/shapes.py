"""The shape of every blob of a net, as far as the prototxt decides it.

A view is gone down once; one rule for each family of layers gives the shape of a top from
those of the bottoms. What the text leaves open, such as the size of the images in a
database, is None; nothing here fails on a net that Caffe would refuse. Sources: LayerSetUp
and Reshape of each layer (src/caffe/layers @ BVLC master, NVIDIA v0.14.5 to v0.17.4), and of
SSD's layers @ NVIDIA v0.17.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from protolint.net.layer import Layer
from protolint.net.net import Net
from protolint.net.types import ALL_TYPES, SHAPE_KEEPING
from protolint.net.view import BlobVersion, View
from protolint.schema.binder import Message

__all__ = [
    "SCALAR",
    "UNKNOWN",
    "Shape",
    "Window",
    "bottom_shapes",
    "canonical",
    "flag",
    "integer",
    "integers",
    "is_understood",
    "settings",
    "shapes",
    "windows",
]

#: kMaxBlobAxes in include/caffe/blob.hpp, and the largest int, in which Caffe holds a size.
_MOST_AXES, _LARGEST = 32, (1 << 31) - 1
#: Levels above which no image is large enough for a pyramid.
_MOST_LEVELS = 15


class Shape(NamedTuple):
    """The sizes of a blob's axes, None where a size is not known.

    Where `complete` is False further axes may follow those in `dims`; a scalar is complete
    and has no axis.
    """

    dims: tuple[int | None, ...] = ()
    complete: bool = False

    @classmethod
    def of(cls, dims: Iterable[int | None]) -> Shape:
        """The shape with these axes and no more; what cannot be a size is not known."""
        found = tuple(_size(dim) for dim in dims)
        return cls(found, True) if len(found) <= _MOST_AXES else UNKNOWN

    @property
    def axes(self) -> int | None:
        """The number of axes, or None."""
        return len(self.dims) if self.complete else None

    @property
    def channels(self) -> int | None:
        """The size of axis 1, or None."""
        return self.size(1)

    @property
    def count(self) -> int | None:
        """The number of values in the blob, or None."""
        return _product(self.dims) if self.complete else None

    def size(self, axis: int) -> int | None:
        """The size of an axis counted from the front, or None."""
        return self.dims[axis] if 0 <= axis < len(self.dims) else None

    def replaced(self, axis: int, size: int | None) -> Shape:
        """The same axes with another size of one of them."""
        dims = [*self.dims, *[None] * (axis + 1 - len(self.dims))]
        dims[axis] = _size(size)
        return Shape(tuple(dims), self.complete)

    def __str__(self) -> str:
        sizes = ["?" if dim is None else str(dim) for dim in self.dims]
        if not self.complete:
            return "x".join([*sizes, "..."]) if any(self.dims) else "?"
        return "x".join(sizes) or "scalar"


UNKNOWN = Shape()
SCALAR = Shape((), True)

_NOTHING: Mapping[str, Shape] = MappingProxyType({})


def shapes(net: Net, view: View, given: Mapping[str, Shape] = _NOTHING) -> dict[BlobVersion, Shape]:
    """The shape of each version in a view.

    `given` holds what the net does not tell, by the name of the blob: the shape in which an
    input, or the layer that first writes the blob, makes it.
    """
    declared = {**_declared(net), **given}
    paddings = _paddings(net)
    found: dict[BlobVersion, Shape] = {}
    for layer in view.layers:
        for version in view.bottoms[layer.index]:
            if version is not None and version.producer is None:
                found[version] = declared.get(version.name, UNKNOWN)
        bottoms = bottom_shapes(view, layer, found)
        rule = _RULES.get(layer.type) if is_understood(layer) else None
        padding = paddings.get(layer.index, 0)
        for i, top in enumerate(view.tops[layer.index]):
            if top.overwritten is None and top.name in given:
                found[top] = given[top.name]
            else:
                found[top] = rule(_Case(layer, i, bottoms, padding)) if rule else UNKNOWN
    for version in view.outputs.values():
        if version.producer is None:
            found[version] = declared.get(version.name, UNKNOWN)
    return found


def bottom_shapes(view: View, layer: Layer, known: Mapping[BlobVersion, Shape]) -> list[Shape]:
    """The shapes of a layer's bottoms; unknown where nothing produces one."""
    versions = view.bottoms[layer.index]
    return [UNKNOWN if v is None else known.get(v, UNKNOWN) for v in versions]


def is_understood(layer: Layer) -> bool:
    """Whether it can be told what the layer does.

    A Caffe that registers the type is not needed, but one whose schema has the fields that
    the type reads: those of other Caffes were not read.
    """
    known = ALL_TYPES.get(layer.type)
    if known is None or layer.type in _KEEPING or layer.generation < 2:
        return known is not None
    return all(field in layer.message.type.fields for field in known.parameters)


# What a layer says, whatever its generation.


#: Fields that V0LayerParameter spells in another way (UpgradeV0LayerParameter in
#: src/caffe/util/upgrade_proto.cpp); the others have the same name.
_V0 = {
    "kernel_size": "kernelsize",
    "bias_term": "biasterm",
    "batch_size": "batchsize",
    "crop_size": "cropsize",
}


def settings(layer: Layer, parameter: str, field: str) -> tuple[Message | None, str]:
    """The message that holds a field of a layer, and what the field is called there."""
    if layer.generation == 0:
        return layer.message.message("layer"), _V0.get(field, field)
    return layer.parameter(parameter), field


def integers(layer: Layer, parameter: str, field: str) -> list[int]:
    """The numbers that are given for a field, none where it is left out."""
    message, name = settings(layer, parameter, field)
    return message.integers(name) if message is not None else []


def integer(layer: Layer, parameter: str, field: str, default: int = 0) -> int:
    """The number given for a field, or its default."""
    given = integers(layer, parameter, field)
    return given[0] if given else default


def flag(layer: Layer, parameter: str, field: str, default: bool = False) -> bool:
    """What is given for a field that is true or false, or its default."""
    message, name = settings(layer, parameter, field)
    return message.flag(name) if message is not None and name in message else default


def canonical(axis: int, shape: Shape) -> int | None:
    """An axis counted from the front (CanonicalAxisIndex in blob.hpp); None where there is none."""
    if axis >= 0:
        return axis if axis < (_MOST_AXES if shape.axes is None else shape.axes) else None
    return axis + shape.axes if shape.axes is not None and axis + shape.axes >= 0 else None


class Window(NamedTuple):
    """How a layer goes along one axis; `kernel` is None where it is not given."""

    kernel: int | None
    stride: int
    pad: int
    dilation: int = 1

    @property
    def extent(self) -> int | None:
        """The pixels that the kernel spans."""
        return None if self.kernel is None else self.dilation * (self.kernel - 1) + 1


#: Fields of a window along the two axes of an image.
_HALVES = {
    "kernel_size": ("kernel_h", "kernel_w"),
    "stride": ("stride_h", "stride_w"),
    "pad": ("pad_h", "pad_w"),
    "dilation": (),
}


def windows(layer: Layer, axis: int, bottom: Shape) -> list[Window] | None:
    """The window of a convolution along each axis behind the channels, the `axis`.

    None where it cannot be told how many there are: the height and width forms mean two, a
    list means its length (base_conv_layer.cpp).
    """
    parameter = "convolution_param"
    lists = {field: integers(layer, parameter, field) for field in _HALVES}
    halves = {
        field: [integers(layer, parameter, name) for name in names]
        for field, names in _HALVES.items()
    }
    if bottom.axes is not None:
        count = bottom.axes - axis - 1
    elif any(given for pair in halves.values() for given in pair):
        count = 2
    else:
        count = max(len(given) for given in lists.values())
        if count < 2:
            return None
    columns: list[list[int]] = []
    for field, default in (("kernel_size", 0), ("stride", 1), ("pad", 0), ("dilation", 1)):
        given = lists[field]
        if any(halves[field]):
            given = [half[0] if half else 0 for half in halves[field]]
        given = given or [default]
        columns.append([given[i] if i < len(given) else given[0] for i in range(count)])
    kernels, strides, pads, dilations = columns
    return [
        Window(_size(kernel), stride, pad, dilation)
        for kernel, stride, pad, dilation in zip(kernels, strides, pads, dilations, strict=True)
    ]


def _size(size: int | None) -> int | None:
    """A size that Caffe can hold, else None."""
    return size if size is not None and 0 < size <= _LARGEST else None


def _product(sizes: Iterable[int | None]) -> int | None:
    found = 1
    for size in sizes:
        if size is None:
            return None
        found *= size
    return found


def _declared(net: Net) -> dict[str, Shape]:
    """The net's own inputs; `input_shape` wins over `input_dim`, four of which make an input."""
    message = net.message
    declared = [Shape.of(shape.integers("dim")) for shape in message.messages("input_shape")]
    if not declared:
        dims = message.integers("input_dim")
        declared = [Shape.of(dims[i : i + 4]) for i in range(0, len(dims) - 3, 4)]
    return dict(zip(net.inputs, declared, strict=False))


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
        if layer.generation == 0 and bottom in pads
    }


class _Case(NamedTuple):
    """A top whose shape is asked: its layer, its index, and the shapes of the bottoms."""

    layer: Layer
    i: int
    bottoms: list[Shape]
    padding: int

    @property
    def first(self) -> Shape:
        return self.bottom(0)

    def bottom(self, i: int) -> Shape:
        return self.bottoms[i] if i < len(self.bottoms) else UNKNOWN


_Rule = Callable[[_Case], Shape]


def _same(case: _Case) -> Shape:
    return case.first


def _second(case: _Case) -> Shape:
    """Axpy: a vector per channel, then two blobs of the shape of the top."""
    return case.bottom(1) if case.bottom(1) != UNKNOWN else case.bottom(2)


def _common(case: _Case) -> Shape:
    """What the bottoms, which must all have one shape, tell together."""
    complete = next((b for b in case.bottoms if b.complete), None)
    length = len(complete.dims) if complete else max((len(b.dims) for b in case.bottoms), default=0)
    dims = (
        next((b.size(i) for b in case.bottoms if b.size(i) is not None), None)
        for i in range(length)
    )
    return Shape(tuple(dims), complete is not None)


# Layers that go over an image with a window.


def _convolution(case: _Case) -> Shape:
    return _convolved(case, _convolved_size)


def _deconvolution(case: _Case) -> Shape:
    return _convolved(case, _deconvolved_size)


def _convolved(case: _Case, size_of: Callable[[int | None, Window], int | None]) -> Shape:
    """All bottoms have the shape of the first."""
    bottom = _common(case)
    axis = canonical(integer(case.layer, "convolution_param", "axis", 1), bottom)
    if axis is None:
        return UNKNOWN
    outputs = _size(integer(case.layer, "convolution_param", "num_output"))
    lead = (*(bottom.size(i) for i in range(axis)), outputs)
    found = windows(case.layer, axis, bottom)
    if found is None:
        return Shape(lead)
    return Shape.of((*lead, *_along(case, axis + 1, bottom, found, size_of)))


def _along(
    case: _Case,
    start: int,
    bottom: Shape,
    found: list[Window],
    size_of: Callable[[int | None, Window], int | None],
) -> list[int | None]:
    if case.padding:
        found = [window._replace(pad=case.padding) for window in found]
    return [size_of(bottom.size(start + i), window) for i, window in enumerate(found)]


def _convolved_size(size: int | None, window: Window) -> int | None:
    """Rounded towards zero, as C++ divides (compute_output_shape in conv_layer.cpp)."""
    if size is None or window.extent is None or not window.stride:
        return None
    return int((size + 2 * window.pad - window.extent) / window.stride) + 1


def _deconvolved_size(size: int | None, window: Window) -> int | None:
    if size is None or window.extent is None:
        return None
    return window.stride * (size - 1) + window.extent - 2 * window.pad


def _im2col(case: _Case) -> Shape:
    bottom = case.first
    axis = canonical(integer(case.layer, "convolution_param", "axis", 1), bottom)
    found = None if axis is None else windows(case.layer, axis, bottom)
    if axis is None or found is None:
        return UNKNOWN
    channels = _product((bottom.size(axis), *(window.kernel for window in found)))
    sizes = _along(case, axis + 1, bottom, found, _convolved_size)
    return Shape.of((*(bottom.size(i) for i in range(axis)), channels, *sizes))


def _pooling(case: _Case) -> Shape:
    """Four axes; both tops alike. NVIDIA declares `torch_pooling` and does not read it."""
    layer, bottom = case.layer, case.first
    lead = (bottom.size(0), bottom.size(1))
    if flag(layer, "pooling_param", "global_pooling"):
        return Shape.of((*lead, 1, 1))
    sides = [
        Window(
            _size(_half(layer, "kernel_size", axis, 0)),
            _half(layer, "stride", axis, 1),
            _half(layer, "pad", axis, 0) or case.padding,
        )
        for axis in (0, 1)
    ]
    mode = layer.parameter("pooling_param")
    floor = mode is not None and mode.text("round_mode") == "FLOOR"
    clips = any(side.pad for side in sides)
    sizes = [
        _pooled_size(bottom.size(2 + axis), side, floor=floor, clips=clips)
        for axis, side in enumerate(sides)
    ]
    return Shape.of((*lead, *sizes))


def _half(layer: Layer, field: str, axis: int, default: int) -> int:
    """A setting of a pooling window along the height (0) or the width (1)."""
    shared = integer(layer, "pooling_param", field, default)
    return integer(layer, "pooling_param", _HALVES[field][axis], shared)


def _pooled_size(size: int | None, window: Window, *, floor: bool, clips: bool) -> int | None:
    """Rounded up, but with padding no window begins behind the image (pooling_layer.cpp)."""
    if size is None or window.kernel is None or not window.stride:
        return None
    room = size + 2 * window.pad - window.kernel
    pooled = (room // window.stride if floor else -(-room // window.stride)) + 1
    return pooled - (clips and (pooled - 1) * window.stride >= size + window.pad)


def _spp(case: _Case) -> Shape:
    """Whatever the image, level n of the pyramid has 2^n times 2^n bins (spp_layer.cpp)."""
    levels = integer(case.layer, "spp_param", "pyramid_height")
    batch, channels = case.first.size(0), case.first.size(1)
    if levels == 1:
        return Shape.of((batch, channels, 1, 1))
    if not 0 < levels <= _MOST_LEVELS:
        return UNKNOWN
    return Shape.of((batch, _product((channels, sum(4**level for level in range(levels))))))


# Layers that change the axes.


def _inner_product(case: _Case) -> Shape:
    axis = canonical(integer(case.layer, "inner_product_param", "axis", 1), case.first)
    if axis is None:
        return UNKNOWN
    outputs = integer(case.layer, "inner_product_param", "num_output")
    return Shape.of((*(case.first.size(i) for i in range(axis)), outputs))


def _embed(case: _Case) -> Shape:
    outputs = integer(case.layer, "embed_param", "num_output")
    return Shape.of((*case.first.dims, outputs)) if case.first.complete else case.first


def _flatten(case: _Case) -> Shape:
    bottom = case.first
    last = integer(case.layer, "flatten_param", "end_axis", -1)
    start = canonical(integer(case.layer, "flatten_param", "axis", 1), bottom)
    if start is None:
        return UNKNOWN
    lead = tuple(bottom.size(i) for i in range(start))
    if not bottom.complete:
        return Shape.of((*lead, None)) if last == -1 else Shape(lead)
    end = canonical(last, bottom)
    if end is None or end < start:
        return UNKNOWN
    return Shape.of((*lead, _product(bottom.dims[start : end + 1]), *bottom.dims[end + 1 :]))


def _reshape(case: _Case) -> Shape:
    """0 copies an axis, -1 takes what is left, from `axis` on for `num_axes` axes."""
    bottom, parameter = case.first, case.layer.parameter("reshape_param")
    written = parameter.message("shape") if parameter is not None else None
    if parameter is None or written is None:
        return UNKNOWN
    start, replaced = parameter.integer("axis"), parameter.integer("num_axes")
    if start < 0:
        start = -1 if bottom.axes is None else start + bottom.axes + 1
    if not 0 <= start <= (_MOST_AXES if bottom.axes is None else bottom.axes):
        return UNKNOWN
    dims = written.integers("dim")
    sizes = [bottom.size(start + i) if dim == 0 else _size(dim) for i, dim in enumerate(dims)]
    lead = [bottom.size(i) for i in range(start)]
    if bottom.axes is None:
        return Shape.of((*lead, *sizes)) if replaced < 0 else Shape((*lead, *sizes))
    end = bottom.axes if replaced < 0 else start + replaced
    if end > bottom.axes:
        return UNKNOWN
    if -1 in dims:
        sizes[dims.index(-1)] = _left_over(bottom, start, end, dims)
    return Shape.of((*lead, *sizes, *bottom.dims[end:]))


def _left_over(bottom: Shape, start: int, end: int, dims: list[int]) -> int | None:
    """The size that -1 stands for. Copied axes cancel out, whether known or not."""
    copied = {start + i for i, dim in enumerate(dims) if dim == 0}
    values = _product(bottom.size(i) for i in range(start, end) if i not in copied)
    outside = (bottom.size(i) for i in copied if i >= end)
    parts = _product((*outside, *(dim for dim in dims if dim > 0)))
    return values // parts if values and parts and values % parts == 0 else None


def _reduction(case: _Case) -> Shape:
    axis = canonical(integer(case.layer, "reduction_param", "axis", 0), case.first)
    return UNKNOWN if axis is None else Shape.of(case.first.size(i) for i in range(axis))


def _concat(case: _Case) -> Shape:
    common = _common(case)
    old_form = integer(case.layer, "concat_param", "concat_dim", 1)
    axis = canonical(integer(case.layer, "concat_param", "axis", old_form), common)
    if axis is None:
        return UNKNOWN
    sizes = [bottom.size(axis) for bottom in case.bottoms]
    return common.replaced(axis, None if None in sizes else sum(size or 0 for size in sizes))


def _slice(case: _Case) -> Shape:
    old_form = integer(case.layer, "slice_param", "slice_dim", 1)
    axis = canonical(integer(case.layer, "slice_param", "axis", old_form), case.first)
    if axis is None:
        return UNKNOWN
    size, count = case.first.size(axis), len(case.layer.tops)
    points = integers(case.layer, "slice_param", "slice_point")
    if points:
        ends = [0, *points, size]
        start, end = ends[case.i : case.i + 2] if case.i + 1 < len(ends) else (0, None)
        part = None if start is None or end is None else end - start
    else:
        part = size // count if size is not None and size % count == 0 else None
    return case.first.replaced(axis, part)


def _crop(case: _Case) -> Shape:
    """From `axis` on the sizes of the second bottom."""
    first, second = case.bottom(0), case.bottom(1)
    axis = canonical(integer(case.layer, "crop_param", "axis", 2), first)
    if axis is None:
        return UNKNOWN
    length = len(first.dims) if first.complete else max(axis, len(second.dims))
    dims = ((first if i < axis else second).size(i) for i in range(length))
    return Shape(tuple(dims), first.complete or second.complete)


def _tile(case: _Case) -> Shape:
    axis = canonical(integer(case.layer, "tile_param", "axis", 1), case.first)
    if axis is None:
        return UNKNOWN
    tiles = _size(integer(case.layer, "tile_param", "tiles"))
    return case.first.replaced(axis, _product((case.first.size(axis), tiles)))


def _argmax(case: _Case) -> Shape:
    """One axis shortened; without `axis` three axes or more, batch and places of the best."""
    bottom = case.first
    best = integer(case.layer, "argmax_param", "top_k", 1)
    given = integers(case.layer, "argmax_param", "axis")
    if given:
        axis = canonical(given[0], bottom)
        return UNKNOWN if axis is None else bottom.replaced(axis, best)
    rows = 2 if flag(case.layer, "argmax_param", "out_max_val") else 1
    lead = (bottom.size(0), rows, _size(best))
    if bottom.axes is None:
        return Shape(lead)
    return Shape.of((*lead, *[1] * (bottom.axes - 3)))


def _batch_reindex(case: _Case) -> Shape:
    return case.first.replaced(0, case.bottom(1).size(0)) if case.first.dims else UNKNOWN


def _filter(case: _Case) -> Shape:
    """How many items of a batch pass is known only while the net runs."""
    bottom = case.bottom(case.i)
    return bottom.replaced(0, None) if bottom.dims else UNKNOWN


def _permute(case: _Case) -> Shape:
    """Axes that are not named follow in their order."""
    bottom = case.first
    order = integers(case.layer, "permute_param", "order")
    if not bottom.complete:
        return UNKNOWN
    order += [axis for axis in range(len(bottom.dims)) if axis not in order]
    return Shape.of(bottom.size(axis) for axis in order) if order else bottom


# Layers that make one value, or one for each class.


def _loss(case: _Case) -> Shape:
    """A scalar; the second top of SoftmaxWithLoss and InfogainLoss are the probabilities."""
    return SCALAR if case.i == 0 else case.first


def _accuracy(case: _Case) -> Shape:
    if case.i == 0:
        return SCALAR
    axis = canonical(integer(case.layer, "accuracy_param", "axis", 1), case.first)
    return Shape.of((None if axis is None else case.first.size(axis),))


# Layers over sequences.


def _recurrent(case: _Case) -> Shape:
    """Steps, streams, outputs; a hidden state that is exposed has one step."""
    outputs = integer(case.layer, "recurrent_param", "num_output")
    steps = case.first.size(0) if case.i == 0 else 1
    return Shape.of((steps, case.first.size(1), outputs))


# Layers of detectors.


def _prior_box(case: _Case) -> Shape:
    """Boxes and their variances, four numbers for each box at each place (prior_box_layer.cpp)."""
    parameter = case.layer.parameter("prior_box_param")
    if parameter is None:
        return Shape.of((1, 2, None))
    ratios = [1.0]
    for ratio in parameter.numbers("aspect_ratio"):
        if all(abs(ratio - known) >= 1e-6 for known in ratios):
            ratios.append(ratio)
            if parameter.flag("flip") and ratio:
                ratios.append(1 / ratio)
    smallest, largest = parameter.numbers("min_size"), parameter.numbers("max_size")
    boxes = len(ratios) * len(smallest) + len(largest)
    return Shape.of((1, 2, _product((case.first.size(2), case.first.size(3), boxes, 4))))


def _detections(case: _Case) -> Shape:
    """A row for each box that is found (detection_output_layer.cpp)."""
    return Shape.of((1, 1, None, 7))


def _evaluation(case: _Case) -> Shape:
    """A row for each class and each box (detection_evaluate_layer.cpp)."""
    return Shape.of((1, 1, None, 5))


def _detectnet(case: _Case) -> Shape:
    """Images of the size that is asked for, and a grid over them of classes and eight numbers.

    Source: detectnet_transform_layer.cpp, detectnet_coverage_rectangular.cpp.
    """
    name = "detectnet_groundtruth_param"
    height = integer(case.layer, name, "image_size_y", 384)
    width = integer(case.layer, name, "image_size_x", 1248)
    batch = case.bottom(case.i).size(0)
    if case.i == 0:
        return Shape.of((batch, 3, height, width))
    stride = integer(case.layer, name, "stride", 4)
    parameter = case.layer.parameter(name)
    classes = parameter.messages("object_class") if parameter is not None else []
    labels = 9 + max((c.integer("dst") for c in classes), default=0)
    grid = (side // stride if stride and side % stride == 0 else None for side in (height, width))
    return Shape.of((batch, labels, *grid))


# Layers that begin a net.


def _one_or_each(given: list[int], i: int) -> int | None:
    """One value for every top, or one for each."""
    return given[0] if len(given) == 1 else given[i] if i < len(given) else None


def _input(case: _Case) -> Shape:
    """Declared shapes, or the four numbers of an older DummyData."""
    parameter = case.layer.parameter("input_param") or case.layer.parameter("dummy_data_param")
    if parameter is None:
        return UNKNOWN
    shapes = parameter.messages("shape")
    if len(shapes) == 1 or case.i < len(shapes):
        return Shape.of(shapes[0 if len(shapes) == 1 else case.i].integers("dim"))
    sizes = [parameter.integers(field) for field in ("num", "channels", "height", "width")]
    return Shape.of(_one_or_each(size, case.i) for size in sizes) if any(sizes) else UNKNOWN


def _parameter(case: _Case) -> Shape:
    parameter = case.layer.parameter("parameter_param")
    shape = parameter.message("shape") if parameter is not None else None
    return UNKNOWN if shape is None else Shape.of(shape.integers("dim"))


def _memory_data(case: _Case) -> Shape:
    fields = ("batch_size", "channels", "height", "width")
    sizes = [integer(case.layer, "memory_data_param", field) for field in fields]
    return Shape.of(sizes if case.i == 0 else sizes[:1])


def _hdf5_data(case: _Case) -> Shape:
    """A batch of whatever the file holds."""
    return Shape((_size(integer(case.layer, "hdf5_data_param", "batch_size")),))


_IMAGES = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
    "AnnotatedData": "data_param",
    "VideoData": "data_param",
}


def _images(case: _Case) -> Shape:
    """A batch of images and their labels.

    The size is known where images are cropped or resized, the channels where each has its
    own mean value, as any other number of them aborts (data_transformer.cpp).
    """
    layer = case.layer
    own = _IMAGES[layer.type]
    batch = integer(layer, own, "batch_size", int(layer.type == "ImageData"))
    if case.i > 0:
        return _labels(layer, batch)
    transform = layer.parameter("transform_param")
    means = len(transform.numbers("mean_value")) if transform is not None else 0
    return Shape.of((batch, _channels(layer, transform, means), *_sides(layer, own, transform)))


def _labels(layer: Layer, batch: int) -> Shape:
    if layer.type != "AnnotatedData":
        return Shape.of((batch,))
    boxes = layer.parameter("annotated_data_param")
    return Shape.of((1, 1, None, 8) if boxes is not None and "anno_type" in boxes else [None] * 4)


def _channels(layer: Layer, transform: Message | None, means: int) -> int | None:
    if layer.type == "ImageData" and layer.generation > 0:
        return 3 if flag(layer, "image_data_param", "is_color", True) else 1
    if means > 1:
        return means
    if transform is None or transform.flag("force_color") == transform.flag("force_gray"):
        return None
    return 3 if transform.flag("force_color") else 1


def _sides(layer: Layer, own: str, transform: Message | None) -> tuple[int | None, int | None]:
    """Height and width."""
    crop = transform.integer("crop_size") if transform is not None else 0
    if layer.generation < 2:
        # UpgradeNetDataTransformation moves it, for the old generations only.
        crop = integer(layer, own, "crop_size") or crop
    if crop:
        return crop, crop
    if layer.type == "ImageData":
        return integer(layer, own, "new_height"), integer(layer, own, "new_width")
    if layer.type in ("AnnotatedData", "VideoData") and transform is not None:
        resize = transform.message("resize_param")
        sides = [transform.integer(field) or None for field in ("crop_h", "crop_w")]
        if resize is not None and resize.text("resize_mode") != "FIT_SMALL_SIZE":
            resized = (resize.integer("height"), resize.integer("width"))
            sides = [side or new for side, new in zip(sides, resized, strict=True)]
        return sides[0], sides[1]
    return None, None


#: Layers whose top has the shape of their first bottom.
_KEEPING = SHAPE_KEEPING | {
    "Clip", "LRN", "LSTMUnit", "MVN", "Normalize", "Softmax", "Split", "Swish", "Threshold",
}  # fmt: skip

_LOSSES = [name for name in ALL_TYPES if name.endswith("Loss")]

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(_KEEPING, _same),
    **dict.fromkeys(_LOSSES, _loss),
    **dict.fromkeys(_IMAGES, _images),
    **dict.fromkeys(("DummyData", "Input"), _input),
    **dict.fromkeys(("LSTM", "RNN"), _recurrent),
    "Accuracy": _accuracy,
    "ArgMax": _argmax,
    "Axpy": _second,
    "BatchReindex": _batch_reindex,
    "Concat": _concat,
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "DetectNetTransformation": _detectnet,
    "DetectionEvaluate": _evaluation,
    "DetectionOutput": _detections,
    "Eltwise": _common,
    "Embed": _embed,
    "Filter": _filter,
    "Flatten": _flatten,
    "HDF5Data": _hdf5_data,
    "Im2col": _im2col,
    "InnerProduct": _inner_product,
    "MemoryData": _memory_data,
    "Parameter": _parameter,
    "Permute": _permute,
    "Pooling": _pooling,
    "PriorBox": _prior_box,
    "Reduction": _reduction,
    "Reshape": _reshape,
    "SPP": _spp,
    "Slice": _slice,
    "Tile": _tile,
}
