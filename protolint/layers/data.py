"""Layers that begin a net: what they say of the shapes of data and labels.

Sources: LayerSetUp and DataLayerSetUp of the layers named, data_transformer.cpp
(src/caffe @ BVLC master, NVIDIA v0.17.3).
"""

from __future__ import annotations

from typing import TypeVar

from protolint.caffe.binder import Message
from protolint.layers.fields import flag, integer
from protolint.layers.layer import Layer
from protolint.layers.shape import UNKNOWN, Case, Shape, known_size

__all__ = ["IMAGE_LAYERS", "declared", "hdf5_data", "images", "memory_data", "parameter"]

_T = TypeVar("_T")

#: Layers that give batches of images, and the message that has their batch size.
IMAGE_LAYERS = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
    "AnnotatedData": "data_param",
    "VideoData": "data_param",
}


def declared(case: Case) -> Shape:
    """One shape for every top or one for each; DummyData has an older form of four numbers."""
    message = case.layer.parameter("input_param") or case.layer.parameter("dummy_data_param")
    if message is None:
        return UNKNOWN
    shapes = [Shape.of(shape.integers("dim")) for shape in message.messages("shape")]
    if shapes:
        return _at(shapes, case.i) or UNKNOWN
    columns = [message.integers(field) for field in ("num", "channels", "height", "width")]
    if not any(columns):
        return UNKNOWN
    return Shape.of(_at(column, case.i) for column in columns)


def _at(values: list[_T], i: int) -> _T | None:
    return values[0] if len(values) == 1 else values[i] if i < len(values) else None


def parameter(case: Case) -> Shape:
    """The shape of the blob that a Parameter layer is."""
    message = case.layer.parameter("parameter_param")
    shape = message.message("shape") if message is not None else None
    return UNKNOWN if shape is None else Shape.of(shape.integers("dim"))


def memory_data(case: Case) -> Shape:
    """Images of the size that is given, and a label for each."""
    fields = ("batch_size", "channels", "height", "width")
    sizes = [integer(case.layer, "memory_data_param", field) for field in fields]
    return Shape.of(sizes if case.i == 0 else sizes[:1])


def hdf5_data(case: Case) -> Shape:
    """A batch of whatever the file holds."""
    return Shape((known_size(integer(case.layer, "hdf5_data_param", "batch_size")),))


def images(case: Case) -> Shape:
    """A batch of images, and their labels."""
    layer = case.layer
    own = IMAGE_LAYERS[layer.type]
    batch = integer(layer, own, "batch_size", int(layer.type == "ImageData"))
    if case.i == 0:
        return Shape.of((batch, _channels(layer), *_sides(layer, own)))
    if layer.type != "AnnotatedData":
        return Shape.of((batch,))
    # A row for each box in the batch, once it is said that there are boxes.
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
        return integer(layer, own, "new_height"), integer(layer, own, "new_width")
    if layer.type in ("AnnotatedData", "VideoData") and transform is not None:
        height, width = _resized(transform)
        return transform.integer("crop_h") or height, transform.integer("crop_w") or width
    return None, None


def _resized(transform: Message) -> tuple[int | None, int | None]:
    """What resize_param makes of any image; FIT_SMALL_SIZE keeps its aspect (InferNewSize)."""
    resize = transform.message("resize_param")
    if resize is None or resize.text("resize_mode") == "FIT_SMALL_SIZE":
        return None, None
    return resize.integer("height"), resize.integer("width")
