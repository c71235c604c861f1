"""A batch of the user's own data, for the inputs of a net."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping

import numpy as np

from protolint.batchnorm.state import Array
from protolint.errors import InputError, UsageError
from protolint.net.net import Net
from protolint.net.shapes import shapes
from protolint.net.view import View
from protolint.weights.files import open_regular

__all__ = ["deploy_view", "read_batch"]


def deploy_view(net: Net) -> View:
    """Return the view of a deploy net in TEST; raises UsageError for a net with data layers."""
    if not net.is_deploy:
        raise UsageError(
            f"{net.source.path}: --data needs a deploy net, one with inputs and without data and"
            " loss layers"
        )
    return next(view for view in net.views if view.state.phase == "TEST")


def read_batch(path: str, net: Net, view: View) -> dict[str, Array]:
    """Return the values of every input of a net, as float32, from a .npy or .npz file.

    A .npy is for a net with one input; a .npz has an array for each, by the input's name. No
    pickled objects are loaded. Raises InputError for a file that is neither or whose arrays do
    not fit, UsageError where the net's inputs are others.
    """
    found = _arrays(path)
    wanted = {v.name: shape for v, shape in shapes(net, view).items() if _is_input(v.producer)}
    if isinstance(found, Mapping):
        missing = [name for name in wanted if name not in found]
        if missing:
            raise UsageError(f"{path}: has no array '{missing[0]}', an input of the net")
        batch = {name: found[name] for name in wanted}
    elif len(wanted) == 1:
        batch = dict.fromkeys(wanted, found)
    else:
        raise UsageError(
            f"{path}: the net has {len(wanted)} inputs ({', '.join(wanted)}); give a .npz with an"
            " array for each"
        )
    for name, values in batch.items():
        if values.dtype.kind not in "fiub" or not values.size:
            raise InputError(path, f"is {values.dtype} of shape {_text(values)}: no numbers")
        dims = wanted[name].dims
        fits = len(dims) == values.ndim or not wanted[name].complete
        if not fits or (len(dims) > 1 and dims[1] not in (None, values.shape[1])):
            net_shape = "x".join("?" if d is None else str(d) for d in dims)
            raise UsageError(
                f"{path}: has the shape {_text(values)}, and the input '{name}' of the net"
                f" {net_shape}; only the batch and the size of the image may differ"
            )
        if not np.isfinite(values).all():
            raise InputError(path, "has NaN or infinite values")
    return {name: np.ascontiguousarray(v, dtype=np.float32) for name, v in batch.items()}


def _is_input(producer: object) -> bool:
    return producer is None or getattr(producer, "type", "") == "Input"


def _text(values: Array) -> str:
    return "x".join(map(str, values.shape)) or "()"


def _arrays(path: str) -> Array | dict[str, Array]:
    try:
        with open_regular(path) as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            return {name: found[name] for name in found.files}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(path, f"no .npy or .npz of numbers: {error}") from None
