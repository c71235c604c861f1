"""Models and solver states in HDF5, written with h5py (the extra `hdf5`).

A model is laid out as protolint.weights.hdf5 says; a solver state has

    /iter /learned_net /current_step
    /history/<i>                          (src/caffe/solvers/sgd_solver.cpp @ 1.0)
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from protolint.batchnorm.state import Array
from protolint.conversion import file_refusals
from protolint.errors import InputError
from protolint.files import AtomicFile
from protolint.record import NamedTuple
from protolint.weights.hdf5 import h5py_module, opened

__all__ = [
    "HDF5State",
    "read_state",
    "write_model",
    "write_state",
]

_ERRNO = re.compile(r"\berrno = (\d+)")


class HDF5State(NamedTuple):
    """What an HDF5 solver state holds, apart from the history's values."""

    learned_net: str
    shapes: tuple[tuple[int, ...], ...]


def read_state(path: str) -> HDF5State:
    """Return what a solver state says; raises InputError."""
    with opened(path) as file:
        learned = file["learned_net"][()] if "learned_net" in file else b""
        text = learned if isinstance(learned, str) else bytes(learned).decode("utf-8", "replace")
        history = file.get("history", {})
        names = sorted(int(name) for name in history)
        if names != list(range(len(names))):
            raise InputError(path, file_refusals.history_gap())
        shapes = tuple(tuple(history[str(i)].shape) for i in names)
    return HDF5State(text.rstrip("\0"), shapes)


def write_model(
    source: str,
    output: AtomicFile,
    changed: Mapping[str, Sequence[Array] | None],
) -> None:
    """Write a model into an atomic file: layers in `changed` get other blobs, or go.

    All other layers are copied as they are; gradients of changed layers are left out.
    """
    h5py = h5py_module()
    # A layer "a/b" is a group in a group.
    parts = (layer.split("/") for layer in changed)
    above = {"/".join(names[: i + 1]) for names in parts for i in range(len(names))}
    with opened(source) as old, _created(h5py, output) as new:
        for top in old:
            if top not in ("data", "diff"):
                old.copy(top, new)
                continue
            _copy(old[top], new.create_group(top), "", changed, above)
        for layer, blobs in changed.items():
            if blobs is not None:
                # A name with "/" makes nested groups, as it did when the file was written.
                group = new.require_group(f"data/{layer}")
                for i, values in enumerate(blobs):
                    group.create_dataset(str(i), data=values)


def _copy(old: Any, new: Any, layer: str, changed: Collection[str], above: set[str]) -> None:
    """Copy a group without the blobs of layers that change, of which `above` are all groups."""
    for name, item in old.items():
        path = f"{layer}/{name}" if layer else name
        if path in above:
            made = new.create_group(name)
            _copy(item, made, path, changed, above)
            if not len(made):
                del new[name]
        elif layer not in changed or hasattr(item, "items"):
            old.copy(item, new, name=name)


def write_state(
    source: str,
    output: AtomicFile,
    learned_net: str,
    mapping: Sequence[tuple[int | None, tuple[int, ...]]],
) -> None:
    """Write a solver state: its history in another order, zeros where there was none."""
    h5py = h5py_module()
    with opened(source) as old, _created(h5py, output) as new:
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
                    needs = int(np.prod(shape))
                    raise InputError(source, file_refusals.other_history(at, values.size, needs))
            history.create_dataset(str(i), data=values.reshape(shape))


@contextmanager
def _created(h5py: Any, output: AtomicFile) -> Iterator[Any]:
    """Return the temporary file of an atomic one as a new HDF5 file, readable by old libraries."""
    try:
        # The atomic file is locked already, which HDF5 would take for another writer's lock.
        with h5py.File(output.path, "w", libver="earliest", locking=False) as file:
            yield file
    except (OSError, RuntimeError, ValueError) as error:
        # HDF5 gives the system's reason in the middle of a text of several lines.
        found = _ERRNO.search(str(error))
        reason = os.strerror(int(found[1])) if found is not None else str(error)
        raise InputError(
            output.given, f"cannot be written: {reason}; nothing was changed"
        ) from None
