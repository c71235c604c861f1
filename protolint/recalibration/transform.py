"""What a net's data layer does to an image: size, crop, mean, scale.

Source: data_transformer.cpp, image_data_layer.cpp and io.cpp @ BVLC 1.0.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from protolint.errors import InputError
from protolint.execution.step import Array
from protolint.execution.weights import read_blob
from protolint.layers.layer import Layer
from protolint.net.net import TEST, Net

__all__ = ["Transform", "transform_of"]


@dataclass(frozen=True)
class Transform:
    """What happens to an image, channels in the order blue, green, red.

    `size` is the height and width that it gets first, `crop` the middle that is left, `mean` one
    value for all, one for each channel, or an array of one item; then all is times `scale`.
    """

    size: tuple[int, int] | None = None
    crop: int = 0
    mean: tuple[float, ...] = ()
    mean_values: Array | None = None
    scale: float = 1.0
    grey: bool = False


def transform_of(net: Net) -> Transform | None:
    """Return what the data layer of a net, or of its training net, does in TEST; None without one.

    Raises InputError for a mean_file that cannot be read.
    """
    for one in (net, net.sibling):
        if one is None:
            continue
        layers = [la for la in one.layers if not la.bottoms and _param(la) is not None]
        tested = [la for view in one.views if view.state.phase == TEST for la in view.layers]
        for layer in [*(la for la in layers if la in tested), *layers]:
            return _read(one, layer)
    return None


def _param(layer: Layer) -> object:
    return layer.parameter("transform_param")


def _read(net: Net, layer: Layer) -> Transform:
    param = layer.parameter("transform_param")
    assert param is not None
    found = Transform(
        crop=param.integer("crop_size"),
        mean=tuple(param.numbers("mean_value")),
        scale=param.number("scale"),
        grey=param.flag("force_gray"),
    )
    path = param.text("mean_file")
    if path:
        folders = ("", os.path.dirname(net.source.path))
        places = [os.path.join(folder, path) for folder in folders]
        place = next((one for one in places if os.path.exists(one)), places[-1])
        found = replace(found, mean_values=_mean_file(place))
    images = layer.parameter("image_data_param")
    if images is not None:
        size = (images.integer("new_height"), images.integer("new_width"))
        grey = found.grey or ("is_color" in images and not images.flag("is_color"))
        found = replace(found, size=size if all(size) else None, grey=grey)
    return found


def _mean_file(path: str) -> Array:
    """Return the array (C, H, W) of a mean file, a BlobProto."""
    values = read_blob(path)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim != 3:
        raise InputError(path, f"is no mean image: its shape is {values.shape}")
    return values
