"""Tensors of a .safetensors file, through the safetensors library (the extra `safetensors`).

A file is the length of a JSON header in eight bytes, the header, and the values
(github.com/huggingface/safetensors, README, section "Format"). The library checks all of it;
its reader for NumPy has no bfloat16, so those values are taken from where the header says.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from protolint.batchnorm.state import Array
from protolint.errors import InputError, UsageError
from protolint.record import NamedTuple
from protolint.stats.tensors import Group

__all__ = ["read_safetensors"]

_READABLE = frozenset(
    {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}
)


class _Stored(NamedTuple):
    """One tensor of a file that is open no longer than its values are read."""

    path: str
    name: str
    type: str
    shape: tuple[int, ...]

    def values(self) -> Array:
        """Return the values as float64; raises InputError for a type that has no such values."""
        if self.type == "BF16":
            return _bfloat16(self.path, self.name).reshape(self.shape)
        if self.type not in _READABLE:
            raise InputError(self.path, f"tensor '{self.name}' has the type {self.type}")
        with _opened(self.path) as file:
            values: Array = np.asarray(file.get_tensor(self.name)).astype(np.float64)
        return values


def read_safetensors(path: str) -> list[Group]:
    """Return the tensors of a file, unread; raises InputError where it is damaged.

    Raises UsageError where the library is not installed.
    """
    with _opened(path) as file:
        tensors = {}
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            part = file.get_slice(name)
            tensors[name] = _Stored(path, name, part.get_dtype(), tuple(part.get_shape()))
    return [Group("", tensors)]


def _opened(path: str) -> Any:
    """Return the file in the library's hands, as a context manager."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise UsageError(
            f"{path}: a safetensors file needs safetensors: pip install"
            " 'protolint-caffe[safetensors]'"
        ) from None
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(path, f"cannot be read as safetensors: {error}") from None


def _bfloat16(path: str, name: str) -> Array:
    """Return the values of a bfloat16 tensor: the upper halves of 32-bit floats."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start, end = json.loads(file.read(length))[name]["data_offsets"]
        file.seek(8 + length + start)
        halves = np.frombuffer(file.read(end - start), "<u2")
    values: Array = (halves.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return values
