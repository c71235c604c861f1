"""Models and solver states in HDF5, read and written with h5py (the extra `hdf5`).

    /data/<layer>/<i>                     a model (Net::ToHDF5, src/caffe/net.cpp @ 1.0)
    /iter /learned_net /current_step      a solver state
    /history/<i>

An HDF5 model has no layer types, bottoms and parameters: those come from the prototxt.
None of what NVIDIA does to BatchNorm blobs while loading a binary file is done to these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from protolint.batchnorm.state import Array
from protolint.errors import InputError, UsageError
from protolint.weights.atomic import AtomicFile

__all__ = [
    "HDF5State",
    "has_history",
    "read_model",
    "read_state",
    "write_model",
    "write_state",
]


class HDF5State(NamedTuple):
    """What an HDF5 solver state holds, apart from the history's values."""

    learned_net: str
    shapes: tuple[tuple[int, ...], ...]


def _h5py() -> Any:
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UsageError("HDF5 files need h5py: pip install 'protolint-caffe[hdf5]'") from None
    return h5py


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """An HDF5 file for reading; raises InputError for one that cannot be read."""
    h5py = _h5py()
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(path, f"cannot be read as HDF5: {error}") from None


def has_history(path: str) -> bool:
    """Whether an HDF5 file is a solver state."""
    with _opened(path) as file:
        return "history" in file or "iter" in file


def read_model(path: str) -> dict[str, tuple[Array, ...]]:
    """The blobs of every layer that has some, by the layer's name; raises InputError.

    A layer whose name has a "/" lies in a group inside a group.
    """
    h5py = _h5py()
    found: dict[str, dict[int, Array]] = {}
    with _opened(path) as file:
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


def read_state(path: str) -> HDF5State:
    """What a solver state says; raises InputError."""
    with _opened(path) as file:
        learned = file["learned_net"][()] if "learned_net" in file else b""
        text = learned if isinstance(learned, str) else bytes(learned).decode("utf-8", "replace")
        history = file.get("history", {})
        names = sorted(int(name) for name in history)
        if names != list(range(len(names))):
            raise InputError(path, "a history blob is missing")
        shapes = tuple(tuple(history[str(i)].shape) for i in names)
    return HDF5State(text.rstrip("\0"), shapes)


def write_model(
    source: str,
    output: AtomicFile,
    changed: Mapping[str, Sequence[Array] | None],
) -> None:
    """Write a model anew into an atomic file: layers in `changed` get other blobs, or go.

    All other layers are copied as they are; gradients of changed layers are left out.
    """
    h5py = _h5py()
    with _opened(source) as old, _created(h5py, output) as new:
        for top in old:
            if top not in ("data", "diff"):
                old.copy(top, new)
                continue
            group = new.create_group(top)
            for layer in old[top]:
                if layer not in changed:
                    old.copy(old[top][layer], group, name=layer)
        for layer, blobs in changed.items():
            if blobs is not None:
                # A name with "/" makes nested groups, as it did when the file was written.
                group = new.require_group(f"data/{layer}")
                for i, values in enumerate(blobs):
                    group.create_dataset(str(i), data=values)


def write_state(
    source: str,
    output: AtomicFile,
    learned_net: str,
    mapping: Sequence[tuple[int | None, tuple[int, ...]]],
) -> None:
    """Write a solver state anew: its history in another order, zeros where there was none."""
    h5py = _h5py()
    with _opened(source) as old, _created(h5py, output) as new:
        for top in old:
            if top not in ("history", "learned_net"):
                old.copy(top, new)
        new.create_dataset("learned_net", data=np.bytes_(learned_net.encode("utf-8")))
        history = new.create_group("history")
        for i, (at, shape) in enumerate(mapping):
            values = np.zeros(shape, np.float32)
            if at is not None:
                values = np.asarray(old["history"][str(at)][()])
                if values.size != np.prod(shape):
                    raise InputError(
                        source,
                        f"history blob {at} has {values.size} values where the model's blob has"
                        f" {int(np.prod(shape))}; give the model that was saved with it",
                    )
            history.create_dataset(str(i), data=values.reshape(shape))


@contextmanager
def _created(h5py: Any, output: AtomicFile) -> Iterator[Any]:
    """The temporary file of an atomic one as a new HDF5 file, readable by old libraries."""
    try:
        with h5py.File(output.path, "w", libver="earliest") as file:
            yield file
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            output.target, f"cannot be written: {error}; nothing was changed"
        ) from None
