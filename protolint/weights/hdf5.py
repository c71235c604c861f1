"""Models in HDF5, read with h5py (the extra `hdf5`).

    /data/<layer>/<i>                     a model (Net::ToHDF5, src/caffe/net.cpp @ 1.0)

An HDF5 model has no layer types, bottoms and parameters: those come from the prototxt.
None of what NVIDIA does to BatchNorm blobs while loading a binary file is done to these.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from protolint.errors import InputError, UsageError
from protolint.weights.blobs import Array

__all__ = ["h5py_module", "has_history", "model_shapes", "opened", "read_model"]

# Bytes that any file may claim, and the most that one compressed byte can expand to.
_SMALL, _DENSEST = 1 << 24, 1100


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
    with opened(path) as file:
        sets = _datasets(path, file)
        return {name: tuple(item.shape for item in blobs) for name, blobs in sets.items()}


def read_model(path: str, layers: Container[str] | None = None) -> dict[str, tuple[Array, ...]]:
    """Return the blobs of every layer that has some, or of some layers, by the layer's name.

    A layer whose name has a "/" lies in a group inside a group. Raises InputError for a file
    that is no model, or is damaged.
    """
    with opened(path) as file:
        return {
            name: tuple(np.asarray(item[()]) for item in blobs)
            for name, blobs in _datasets(path, file).items()
            if layers is None or name in layers
        }


def _datasets(path: str, file: Any) -> dict[str, tuple[Any, ...]]:
    """Return the datasets of each layer, in order, of kinds and sizes that can be read."""
    h5py = h5py_module()
    if "data" not in file:
        raise InputError(path, "has no group /data, so it is no model of Caffe")
    if not isinstance(file["data"], h5py.Group):
        raise InputError(path, "/data is an array, as in training data, and no group of layers")
    most = max(_SMALL, _DENSEST * os.path.getsize(path))
    found: dict[str, dict[int, Any]] = {}

    def visit(name: str, item: Any) -> None:
        layer, _, number = name.rpartition("/")
        if isinstance(item, h5py.Dataset) and number.isdecimal():
            if item.dtype not in (np.float32, np.float64):
                raise InputError(path, f"/data/{name} is {item.dtype}, not float or double")
            if item.nbytes > most:
                raise InputError(
                    path,
                    f"/data/{name} claims {item.nbytes} bytes, which cannot be in a file of"
                    f" {os.path.getsize(path)}: fetch it again",
                )
            found.setdefault(layer, {})[int(number)] = item

    file["data"].visititems(visit)
    for layer, blobs in found.items():
        if sorted(blobs) != list(range(len(blobs))):
            raise InputError(
                path,
                f"layer '{layer}' lacks a blob: another layer's is shared, which this"
                " program cannot follow in HDF5",
            )
    return {name: tuple(blobs[i] for i in range(len(blobs))) for name, blobs in found.items()}
