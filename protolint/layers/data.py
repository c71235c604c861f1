"""Layers that begin a net: what they say of the shapes of data and labels.

Sources: LayerSetUp and DataLayerSetUp of the layers named, data_transformer.cpp in src/caffe
and their headers @ BVLC master, NVIDIA v0.17.3, weiliu89/caffe ssd; BoxData @ intel/caffe 1.1.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from protolint.caffe.binder import Message
from protolint.layers.base import (
    NONE,
    TWO,
    Count,
    LayerType,
    Setup,
    at_least,
    between,
    unknown,
)
from protolint.layers.fields import flag, integer, size
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Shape, positive

if TYPE_CHECKING:
    from protolint.layers.base import ShapeOf

__all__ = ["TYPES"]

_T = TypeVar("_T")

#: The message that has the batch size of a layer that gives batches of images.
_BATCHES = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
    "AnnotatedData": "data_param",
    "VideoData": "data_param",
}


def _input(setup: Setup, i: int) -> Shape:
    """One shape for every top, or one for each."""
    message = setup.layer.parameter("input_param")
    return UNKNOWN if message is None else _declared(message, i) or UNKNOWN


def _dummy_data(setup: Setup, i: int) -> Shape:
    """Return the same; there is an older form of four numbers."""
    message = setup.layer.parameter("dummy_data_param")
    if message is None:
        return UNKNOWN
    if "shape" in message:
        return _declared(message, i) or UNKNOWN
    columns = [message.integers(field) for field in ("num", "channels", "height", "width")]
    return Shape.of(_at(column, i) for column in columns) if any(columns) else UNKNOWN


def _declared(message: Message, i: int) -> Shape | None:
    return _at([Shape.of(shape.integers("dim")) for shape in message.messages("shape")], i)


def _at(values: list[_T], i: int) -> _T | None:
    return values[0] if len(values) == 1 else values[i] if i < len(values) else None


def _memory_data(setup: Setup, i: int) -> Shape:
    """Images of the size that is given, and a label for each."""
    fields = ("batch_size", "channels", "height", "width")
    sizes = [size(setup.layer, "memory_data_param", field) for field in fields]
    return Shape.of(sizes if i == 0 else sizes[:1])


def _hdf5_data(setup: Setup, _i: int) -> Shape:
    """Return a batch of whatever the file holds."""
    return Shape((size(setup.layer, "hdf5_data_param", "batch_size"),))


def _images(setup: Setup, i: int) -> Shape:
    """Return a batch of images, and their labels."""
    layer = setup.layer
    own = _BATCHES[layer.type]
    batch = positive(integer(layer, own, "batch_size", int(layer.type == "ImageData")))
    if i == 0:
        return Shape.of((batch, _channels(layer), *_sides(layer, own)))
    if layer.type != "AnnotatedData":
        return Shape.of((batch,))
    # `anno_type` shows that there are boxes; the blob then has a row for each box in the batch.
    message = layer.parameter("annotated_data_param")
    boxes = message is not None and "anno_type" in message
    return Shape.of((1, 1, None, 8) if boxes else (None,) * 4)


def _channels(layer: Layer) -> int | None:
    """As the image is decoded; each channel has its own mean value, if there are several."""
    if layer.type == "ImageData" and layer.generation > 0:
        return 3 if flag(layer, "image_data_param", "is_color", True) else 1
    transform = layer.parameter("transform_param")
    if transform is None:
        return None
    means = len(transform.numbers("mean_value"))
    colour, gray = transform.flag("force_color"), transform.flag("force_gray")
    if means > 1 or colour == gray:
        return means if means > 1 else None
    return 3 if colour else 1


def _sides(layer: Layer, own: str) -> tuple[int | None, int | None]:
    """Height and width, where images are cropped or resized."""
    transform = layer.parameter("transform_param")
    crop = transform.integer("crop_size") if transform is not None else 0
    if layer.generation < 2:
        # UpgradeNetDataTransformation moves it, in the old generations only.
        crop = integer(layer, own, "crop_size") or crop
    if crop:
        return crop, crop
    if layer.type == "ImageData":
        return size(layer, own, "new_height"), size(layer, own, "new_width")
    if layer.type in ("AnnotatedData", "VideoData") and transform is not None:
        height, width = _resized(transform)
        return transform.integer("crop_h") or height, transform.integer("crop_w") or width
    return None, None


def _resized(transform: Message) -> tuple[int | None, int | None]:
    """Return what resize_param makes of any image.

    FIT_SMALL_SIZE keeps its aspect (InferNewSize).
    """
    resize = transform.message("resize_param")
    if resize is None or resize.text("resize_mode") == "FIT_SMALL_SIZE":
        return None, None
    return positive(resize.integer("height")), positive(resize.integer("width"))


#: What BasePrefetchingDataLayer reads of data_param for every type that prefetches
#: (src/caffe/layers/base_data_layer.cpp @ BVLC rc4 to master, NVIDIA v0.16.1 to v0.17.4).
_PREFETCHING = MappingProxyType(
    {"data_param": frozenset({"prefetch", "threads", "parser_threads"})}
)


def _source(
    name: str,
    parameters: tuple[str, ...],
    tops: Count,
    shape: ShapeOf,
    reads_of: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> LayerType:
    return LayerType(name, parameters, NONE, tops, shape, reads_of=reads_of)


TYPES = (
    _source("AnnotatedData", ("annotated_data_param", "data_param"), at_least(1), _images),
    _source("BoxData", ("data_param",), between(1, 100), unknown),
    _source("Data", ("data_param",), between(1, 2), _images),
    _source("DummyData", ("dummy_data_param",), at_least(1), _dummy_data),
    _source("HDF5Data", ("hdf5_data_param",), at_least(1), _hdf5_data),
    _source("ImageData", ("image_data_param",), TWO, _images, _PREFETCHING),
    _source("Input", ("input_param",), at_least(1), _input),
    _source("MemoryData", ("memory_data_param",), TWO, _memory_data),
    _source("VideoData", ("video_data_param", "data_param"), at_least(1), _images),
    _source("WindowData", ("window_data_param",), TWO, _images, _PREFETCHING),
)
