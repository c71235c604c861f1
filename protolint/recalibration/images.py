"""Images as Caffe's data layers give them to a net, read with Pillow (the extra `images`)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from protolint.errors import InputError, UsageError
from protolint.execution.step import Array
from protolint.recalibration.transform import Transform

__all__ = ["image_paths", "read_images"]

_ENDS = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".tif", ".tiff")


def image_paths(folder: str) -> list[str]:
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


def read_images(
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
