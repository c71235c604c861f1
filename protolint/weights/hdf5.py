"""Models in HDF5, read with h5py (the extra `hdf5`).

    /data/<layer>/<i>                     a model (Net::ToHDF5, src/caffe/net.cpp @ 1.0)

An HDF5 model has no layer types, bottoms and parameters: those come from the prototxt.
None of what NVIDIA does to BatchNorm blobs while loading a binary file is done to these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from protolint.errors import InputError, UsageError
from protolint.weights.blobs import Array

__all__ = ["h5py_module", "opened", "read_model"]


def h5py_module() -> Any:
    """The h5py module; raises UsageError where it is not installed."""
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError("HDF5 files need h5py: pip install 'protolint-caffe[hdf5]'") from None
    return h5py


@contextmanager
def opened(path: str) -> Iterator[Any]:
    """An HDF5 file for reading; raises InputError for one that cannot be read."""
    h5py = h5py_module()
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(path, f"cannot be read as HDF5: {error}") from None


def read_model(path: str) -> dict[str, tuple[Array, ...]]:
    """The blobs of every layer that has some, by the layer's name; raises InputError.

    A layer whose name has a "/" lies in a group inside a group.
    """
    h5py = h5py_module()
    found: dict[str, dict[int, Array]] = {}
    with opened(path) as file:
        if "data" not in file:
            raise InputError(path, "has no group /data, so it is no model of Caffe")

        def visit(name: str, item: Any) -> None:
            layer, _, number = name.rpartition("/")
            if isinstance(item, h5py.Dataset) and number.isdecimal():
                values = np.asarray(item[()])
                if values.dtype not in (np.float32, np.float64):
                    raise InputError(path, f"/data/{name} is {values.dtype}, not float or double")
                found.setdefault(layer, {})[int(number)] = values

        file["data"].visititems(visit)
    for layer, blobs in found.items():
        if sorted(blobs) != list(range(len(blobs))):
            raise InputError(
                path,
                f"layer '{layer}' lacks a blob: another layer's is shared, which this"
                " program cannot follow in HDF5",
            )
    return {name: tuple(blobs[i] for i in range(len(blobs))) for name, blobs in found.items()}
