"""Layers at the start of a net: what they say of the shapes of data and labels.

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
from protolint.layers.checks import above_zero, left_open
from protolint.layers.fields import flag, integer, size
from protolint.layers.fillers import meant_filler
from protolint.layers.layer import Layer
from protolint.layers.setup_check import Kind, SetupCheck
from protolint.layers.shape import UNKNOWN, Shape, positive

if TYPE_CHECKING:
    from protolint.layers.base import Check, ShapeOf

__all__ = ["TYPES"]

_T = TypeVar("_T")

_MEMORY, _MEMORY_SIZES = "memory_data_param", ("batch_size", "channels", "height", "width")
#: The older form of a DummyData's shape.
_LEGACY = ("num", "channels", "height", "width")

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
    """Return what Input does; there is an older form of four numbers."""
    message = setup.layer.parameter("dummy_data_param")
    if message is None:
        return UNKNOWN
    if "shape" in message:
        return _declared(message, i) or UNKNOWN
    columns = [message.integers(field) for field in _LEGACY]
    return Shape.of(_at(column, i) for column in columns) if any(columns) else UNKNOWN


def _declared(message: Message, i: int) -> Shape | None:
    return _at([Shape.of(shape.integers("dim")) for shape in message.messages("shape")], i)


def _at(values: list[_T], i: int) -> _T | None:
    return values[0] if len(values) == 1 else values[i] if i < len(values) else None


def _memory_data(setup: Setup, i: int) -> Shape:
    """Images of the size that is given, and a label for each."""
    sizes = [size(setup.layer, _MEMORY, field) for field in _MEMORY_SIZES]
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


def _check_dummy_data(setup: SetupCheck) -> None:
    """Demand a filler and a shape for all tops or for each."""
    name = "dummy_data_param"
    tops = len(setup.layer.tops)
    message = setup.message(name)
    fillers = message.messages("data_filler") if message is not None else []
    if len(fillers) not in (0, 1, tops):
        setup.fault(
            Kind.SHAPE_LIST, f"{len(fillers)} data_filler for {tops} tops; give one, or one for "
            "each", at=(name, "data_filler"),
        )  # fmt: skip
        return
    shapes = message.messages("shape") if message is not None else []
    legacy = {field: setup.integers(name, field) for field in _LEGACY}
    if any(legacy.values()):
        if shapes:
            setup.fault(
                Kind.CONTRADICTION, "shape and num, channels, height, width exclude each other",
                at=(name, "shape"),
            )  # fmt: skip
            return
        for field, values in legacy.items():
            if len(values) not in (1, tops):
                setup.fault(
                    Kind.SHAPE_LIST, f"{len(values)} {field} for {tops} tops; give one, or one "
                    "for each", at=(name, field),
                )  # fmt: skip
                return
    elif len(shapes) not in (1, tops):
        setup.fault(
            Kind.SHAPE_LIST, f"{len(shapes)} shape for {tops} tops; give one, or one for each",
            at=(name, "shape"),
        )  # fmt: skip
        return
    for i in range(tops):
        if shapes:
            dims = (shapes[0] if len(shapes) == 1 else shapes[i]).integers("dim")
        else:
            dims = [v[0] if len(v) == 1 else v[i] for v in legacy.values()]
        setup.sized(dims, at=(name, "shape"))
    if setup.faults:
        return
    used = fillers[:1] if len(fillers) <= 1 else fillers
    for filler in used:
        _named(setup, filler)
    if setup.faults:
        return
    for i in range(tops):
        own = (fillers[0] if len(fillers) == 1 else fillers[i]) if fillers else None
        constant = own is None or own.text("type") == "constant"
        if constant and 0 in setup.tops[i].dims:
            setup.fault(Kind.EMPTY, f"top '{setup.layer.tops[i].name}' is empty",
                        at=(name, "shape"))  # fmt: skip
            return


def _named(setup: SetupCheck, filler: Message) -> None:
    kind = filler.text("type") if "type" in filler else "constant"
    if kind not in setup.building.fillers:
        guess = meant_filler(kind, setup.building.fillers)
        hint = f"; did you mean '{guess}'?" if guess else ""
        setup.fault(
            Kind.FILLER,
            f"{setup.dialect.name} has no filler '{kind}'{hint}",
            node=filler.node_of("type"),
        )


def _check_input(setup: SetupCheck) -> None:
    """Demand a shape for all tops, for each, or none at all."""
    message = setup.message("input_param")
    shapes = message.messages("shape") if message is not None else []
    tops = len(setup.layer.tops)
    if len(shapes) not in (0, 1, tops):
        setup.fault(
            Kind.SHAPE_LIST, f"{len(shapes)} shape for {tops} tops; give one, or one for each",
            at=("input_param", "shape"),
        )  # fmt: skip
        return
    for shape in shapes:
        setup.sized(shape.integers("dim"), at=("input_param", "shape"))


def _check_memory_data(setup: SetupCheck) -> None:
    """Demand sizes above 0."""
    above_zero(setup, _MEMORY, *_MEMORY_SIZES)


def _say_source(setup: SetupCheck, parameter: str) -> None:
    """Leave it open whether a layer is built that says no source: DIGITS writes it later."""
    setup.unsure = setup.unsure or not setup.word(parameter, "source")


def _transform(setup: SetupCheck) -> None:
    """Demand what the DataTransformer does when it is made (src/caffe/data_transformer.cpp)."""
    message = setup.layer.message.message("transform_param")
    if message is not None and "mean_file" in message and message.numbers("mean_value"):
        setup.fault(Kind.CONTRADICTION, "mean_file and mean_value exclude each other",
                    node=message.node_of("mean_file"))  # fmt: skip
        return
    if message is None or not setup.building.checks_resize:
        return
    resize, expand = message.message("resize_param"), message.message("expand_param")
    for side in ("height", "width") if resize is not None else ():
        if resize is not None and resize.integer(side) <= 0:
            setup.fault(Kind.RANGE, f"resize_param without {side} above 0", node=resize.node)
            return
    if expand is not None and expand.number("max_expand_ratio") <= 1:
        setup.fault(Kind.RANGE, f"max_expand_ratio {expand.number('max_expand_ratio'):g}; it must "
                    "be above 1", node=expand.node)  # fmt: skip


def _check_data(setup: SetupCheck) -> None:
    """Demand a source."""
    _say_source(setup, "data_param")
    _transform(setup)


def _check_hdf5_data(setup: SetupCheck) -> None:
    """Demand a source and no transformation."""
    _say_source(setup, "hdf5_data_param")
    message = setup.layer.message.message("transform_param")
    if message is not None:
        setup.fault(Kind.CONTRADICTION, "HDF5Data does not transform data",
                    at=("transform_param", ""))  # fmt: skip


def _check_image_data(setup: SetupCheck) -> None:
    """Demand a source; height and width together."""
    _say_source(setup, "image_data_param")
    _transform(setup)
    if setup.faults:
        return
    sizes = [setup.integer("image_data_param", f"new_{side}", 0) for side in ("height", "width")]
    if any(sizes) and not all(sizes):
        setup.fault(Kind.CONTRADICTION, "new_height and new_width go together",
                    at=("image_data_param", "new_height"))  # fmt: skip


def _check_window_data(setup: SetupCheck) -> None:
    """Demand a source."""
    _say_source(setup, "window_data_param")


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
    check: Check | None = None,
    reads_of: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> LayerType:
    return LayerType(name, parameters, NONE, tops, shape, reads_of=reads_of, check=check)


TYPES = (
    _source(
        "AnnotatedData", ("annotated_data_param", "data_param"), at_least(1), _images, _check_data
    ),
    _source("BoxData", ("data_param",), between(1, 100), unknown),
    _source("Data", ("data_param",), between(1, 2), _images, _check_data),
    _source("DummyData", ("dummy_data_param",), at_least(1), _dummy_data, _check_dummy_data),
    _source("HDF5Data", ("hdf5_data_param",), at_least(1), _hdf5_data, _check_hdf5_data),
    _source("ImageData", ("image_data_param",), TWO, _images, _check_image_data, _PREFETCHING),
    _source("Input", ("input_param",), at_least(1), _input, _check_input),
    _source("MemoryData", (_MEMORY,), TWO, _memory_data, _check_memory_data),
    _source("VideoData", ("video_data_param", "data_param"), at_least(1), _images, left_open),
    _source("WindowData", ("window_data_param",), TWO, _images, _check_window_data, _PREFETCHING),
)
