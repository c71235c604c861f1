"""The user's data, batch by batch, as often as it is needed: arrays in a file, or images.

Images are as Caffe's data layers give them to a net, read with Pillow (the extra `images`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from protolint.errors import InputError, UsageError
from protolint.execution.executor import Executor
from protolint.execution.run import read_data
from protolint.execution.step import Array
from protolint.layers.shape import UNKNOWN
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.recalibration.transform import Transform

__all__ = ["Batches", "batches_of"]

#: How many values the blobs of one batch may have, where the net leaves its size open.
_VALUES = 64 << 20
_ENDS = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff")
#: Layers whose parameters may count on the size of the batch that the net says.
_FIXED = frozenset({"Reshape", "LSTM", "RNN", "Slice", "BatchReindex"})


@dataclass(frozen=True)
class Batches:
    """Data for a net: how many items, and how many at once."""

    items: int
    size: int
    _read: Callable[[int, int], dict[str, Array]]

    def __iter__(self) -> Iterator[dict[str, Array]]:
        """Yield the batches, each by the names of inputs, as float32."""
        for start in range(0, self.items, self.size):
            yield self._read(start, min(start + self.size, self.items))

    @property
    def count(self) -> int:
        """The number of batches."""
        return -(-self.items // self.size)


def batches_of(
    executor: Executor,
    data: str | Array | Mapping[str, Array],
    size: int | None = None,
    transform: Transform | None = None,
) -> Batches:
    """Return the data in a file or a folder of images, or in arrays, in batches for a net.

    Without `size` a batch is as large as fits into bounded memory, or as the net says where its
    layers may count on that. Raises InputError for data that cannot be read or is not finite,
    UsageError where it does not fit the net's inputs.
    """
    if isinstance(data, str) and os.path.isdir(data):
        return _images(executor, data, size, transform)
    found = read_data(data, mapped=True) if isinstance(data, str) else data
    arrays = dict(found) if isinstance(found, Mapping) else {_only_input(executor): found}
    path = data if isinstance(data, str) else "the data"
    counts = {len(values) for values in arrays.values() if values.ndim}
    if len(counts) != 1 or 0 in counts:
        raise UsageError(f"{path}: its arrays have {sorted(counts)} items; give as many of each")

    def read(start: int, end: int) -> dict[str, Array]:
        batch = {name: np.array(v[start:end], np.float32) for name, v in arrays.items()}
        for name, values in batch.items():
            if not np.isfinite(values).all():
                raise InputError(path, f"'{name}' has NaN or infinite values")
        return batch

    items = counts.pop()
    return Batches(items, _size(executor, size, items), read)


def _images(
    executor: Executor, folder: str, size: int | None, transform: Transform | None
) -> Batches:
    name = _only_input(executor)
    shape = executor.inputs[name]
    if shape.axes != 4:
        raise UsageError(f"{folder}: images are for an input of four axes, and '{name}' is {shape}")
    if transform is None:
        raise UsageError(
            f"{executor.net.source.path}: says nothing of how images are prepared; give the"
            " training net with its transform_param (--transform), or arrays (.npy)"
        )
    paths = _image_paths(folder)
    channels, height, width = shape.dims[1:]

    def read(start: int, end: int) -> dict[str, Array]:
        return {name: _read_images(paths[start:end], transform, (channels, height, width))}

    return Batches(len(paths), _size(executor, size, len(paths)), read)


def _only_input(executor: Executor) -> str:
    """Return the input that the layers need; labels that only judge may be left out."""
    names = [name for name in executor.inputs if name not in _labels(executor)]
    if len(names) != 1:
        raise UsageError(
            f"{executor.net.source.path}: has the inputs {', '.join(names) or 'none'}; give them"
            " by name, in a .npz file"
        )
    return names[0]


def _labels(executor: Executor) -> set[str]:
    """Return the inputs that only losses and measures read, so that no BatchNorm needs them."""
    readers: dict[str, list[str]] = {}
    for layer in executor.view.layers:
        for bottom in layer.bottoms:
            readers.setdefault(bottom.name, []).append(layer.type)
    judges = ("Loss", "Accuracy", "Silence")
    return {
        name
        for name in executor.inputs
        if name in readers and all(kind.endswith(judges) for kind in readers[name])
    }


def _size(executor: Executor, asked: int | None, items: int) -> int:
    """Return how many items a batch has."""
    if asked is not None:
        return min(asked, items)
    net: Net = executor.net
    shapes = [
        shape
        for name, shape in executor.inputs.items()
        if shape is not UNKNOWN and name not in _labels(executor)
    ]
    own = next((shape.dims[0] for shape in shapes if shape.axes), None)
    if any(layer.type in _FIXED for layer in net.layers):
        return min(own or 1, items)
    return max(1, min(items, _VALUES // max(values_per_item(executor), 1)))


def values_per_item(executor: Executor) -> int:
    """Return how many values all blobs of one item have together, as far as the net says."""
    total = 0
    for version, shape in shapes(executor.net, executor.view).items():
        dims = shape.dims if shape.axes else ()
        if version.name and len(dims) > 1 and all(size is not None for size in dims[1:]):
            count = 1
            for size in dims[1:]:
                count *= size or 1
            total += count
    return total or _VALUES


def _image_paths(folder: str) -> list[str]:
    """Return the images in a folder and below it, in the order of their names."""
    found = [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(_ENDS)
    ]
    if not found:
        raise UsageError(f"{folder}: no image in this folder ({', '.join(_ENDS)})")
    return sorted(found)


def _read_images(
    paths: Sequence[str], transform: Transform, shape: tuple[int | None, int | None, int | None]
) -> Array:
    """Return images (N, C, H, W) as a net with an input of `shape` gets them, channels BGR.

    Raises InputError for a file that is no image, or one that does not come to that shape.
    """
    items = []
    for path in paths:
        values = _prepared(path, transform, shape)
        items.append(values)
        if values.shape != items[0].shape:
            raise InputError(path, f"comes to {values.shape}, and {paths[0]} to {items[0].shape}")
    return np.stack(items)


def _prepared(
    path: str, transform: Transform, shape: tuple[int | None, int | None, int | None]
) -> Array:
    channels, height, width = shape
    grey = transform.grey or channels == 1
    size = transform.size
    if size is None and not transform.crop and height and width:
        size = (height, width)
    values = _read(path, size, grey=grey)
    mean = transform.mean_values
    if mean is not None and mean.shape != values.shape:
        raise InputError(path, f"comes to {values.shape}, and the mean file is {mean.shape}")
    if mean is not None:
        values = values - mean
    crop = transform.crop
    if crop:
        places = [(room - crop) // 2 for room in values.shape[1:]]
        if min(places) < 0:
            raise InputError(path, f"is {values.shape[2]}x{values.shape[1]}, less than the crop")
        values = values[:, places[0] : places[0] + crop, places[1] : places[1] + crop]
    if transform.mean:
        if len(transform.mean) not in (1, len(values)):
            raise InputError(path, f"has {len(values)} channels, and {len(transform.mean)} means")
        values = values - np.array(transform.mean, np.float32).reshape(-1, 1, 1)
    scaled: Array = values * np.float32(transform.scale)
    sizes = zip(scaled.shape, shape, strict=True)
    wanted = tuple(have if want is None else want for have, want in sizes)
    if scaled.shape != wanted:
        raise InputError(path, f"comes to {scaled.shape}, and the net's input is {wanted}")
    return scaled


def _read(path: str, size: tuple[int, int] | None, *, grey: bool) -> Array:
    """Return an image (C, H, W) as float32, 0 to 255, blue first."""
    library = _pillow()
    try:
        with library.open(path) as image:
            read = image.convert("L" if grey else "RGB")
            if size is not None:
                read = read.resize(size[::-1], library.Resampling.BILINEAR)
            values = np.asarray(read, np.float32)
    except (OSError, ValueError, library.DecompressionBombError) as error:
        raise InputError(path, f"is no image that can be read: {error}") from None
    return values[None] if grey else np.ascontiguousarray(values[:, :, ::-1].transpose(2, 0, 1))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise UsageError(
            "images need Pillow: pip install 'protolint-caffe[images]'; .npy and .npz do not"
        ) from None
    return Image
