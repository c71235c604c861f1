"""Models in HDF5, read with h5py (the extra `hdf5`).

    /data/<layer>/<i>                     a model (Net::ToHDF5, src/caffe/net.cpp @ 1.0)

An HDF5 model has no layer types, bottoms and parameters: those come from the prototxt.
None of what NVIDIA does to BatchNorm blobs while loading a binary file is done to these.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from protolint.errors import InputError, UsageError
from protolint.weights.blobs import Array

__all__ = [
    "datasets",
    "h5py_module",
    "has_history",
    "model_shapes",
    "opened",
    "read_blobs",
    "read_model",
]

T = TypeVar("T")

# Bytes that any file may claim, and the most that one compressed byte can expand to.
_SMALL, _DENSEST = 1 << 24, 1100
# How deep groups may lie in each other: a layer's name has a few "/" at most.
_DEEPEST = 64


def h5py_module() -> Any:
    """Return the h5py module; raises UsageError where it is not installed."""
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError("HDF5 files need h5py: pip install 'protolint-caffe[hdf5]'") from None
    return h5py


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """Return an HDF5 file for reading; raises InputError for one that cannot be read."""
    h5py = h5py_module()
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, ValueError, KeyError, MemoryError) as error:
        raise InputError(path, f"cannot be read as HDF5: {error}") from None


def has_history(path: str) -> bool:
    """Whether an HDF5 file is a solver state; raises InputError for one that cannot be read."""
    with opened(path) as file:
        return "history" in file or "iter" in file


def model_shapes(path: str) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return the shapes of the blobs of every layer that has some, without their values.

    By the layer's name, as in read_model, which says what is raised.
    """
    return read_blobs(path, lambda item: tuple(item.shape))


def read_model(path: str, layers: Container[str] | None = None) -> dict[str, tuple[Array, ...]]:
    """Return the blobs of every layer that has some, or of some layers, by the layer's name.

    A layer whose name has a "/" lies in a group inside a group. Raises InputError for a file
    that is no model, or is damaged.
    """
    return read_blobs(path, lambda item: np.asarray(item[()]), layers)


def read_blobs(
    path: str, take: Callable[[Any], T], layers: Container[str] | None = None
) -> dict[str, tuple[T, ...]]:
    """Return what `take` makes of each dataset of each layer, in order, read once.

    Raises InputError as read_model, before a value is read that cannot be one of a model.
    """
    found: dict[str, dict[int, T]] = {}
    with opened(path) as file:
        most = max(_SMALL, _DENSEST * os.path.getsize(path))
        for name, item in datasets(path, _layers(path, file)):
            layer, _, number = name.rpartition("/")
            if number.isdecimal() and (layers is None or layer in layers):
                _check(path, f"/data/{name}", item, most)
                found.setdefault(layer, {})[int(number)] = take(item)
    for layer, blobs in found.items():
        if sorted(blobs) != list(range(len(blobs))):
            raise InputError(
                path,
                f"layer '{layer}' lacks a blob: another layer's is shared, which this"
                " program cannot follow in HDF5",
            )
    return {name: tuple(blobs[i] for i in range(len(blobs))) for name, blobs in found.items()}


def datasets(path: str, group: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield every dataset below a group with its path there, bytes that are no UTF-8 escaped.

    Raises InputError for what no Caffe writes and what would make a file read others or never
    end: links, values that lie in other files, groups inside themselves or very deep.
    """
    h5py = h5py_module()
    below = group.id
    for raw in below:
        name = prefix + raw.decode("utf-8", "surrogateescape")
        if below.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
            raise InputError(path, f"'{name}' is a link to another place, which is not followed")
        item = h5py.h5o.open(below, raw)
        if isinstance(item, h5py.h5g.GroupID):
            if depth == _DEEPEST:
                raise InputError(path, f"groups lie in each other more than {_DEEPEST} deep")
            yield from datasets(path, h5py.Group(item), f"{name}/", depth + 1)
        elif isinstance(item, h5py.h5d.DatasetID):
            how = item.get_create_plist()
            if how.get_layout() == h5py.h5d.VIRTUAL or how.get_external_count():
                raise InputError(path, f"the values of '{name}' lie in other files, not read here")
            yield name, h5py.Dataset(item)


def _layers(path: str, file: Any) -> Any:
    """Return the group of the layers; raises InputError where there is none."""
    if "data" not in file:
        raise InputError(path, "has no group /data, so it is no model of Caffe")
    if not isinstance(file["data"], h5py_module().Group):
        raise InputError(path, "/data is an array, as in training data, and no group of layers")
    return file["data"]


def _check(path: str, name: str, item: Any, most: int) -> None:
    """Raise InputError for a dataset of a kind or a size that no blob has."""
    if item.shape is None:
        raise InputError(path, f"{name} has no values and no shape")
    try:
        kind = str(item.dtype)
    except TypeError as error:  # a type that is damaged
        kind = f"of a type that cannot be read ({error})"
    if kind not in ("float32", "float64"):
        raise InputError(path, f"{name} is {kind}, not float or double")
    if item.nbytes > most:
        raise InputError(
            path,
            f"{name} claims {item.nbytes} bytes, which cannot be in a file of"
            f" {os.path.getsize(path)}: fetch it again",
        )
