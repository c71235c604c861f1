"""Tensors of a PyTorch checkpoint, through `torch.load(weights_only=True)` (the extra `torch`).

That loads tensors and plain containers and runs no code of the file, from torch 2.6 on:
before, an old-format file could get round it (CVE-2025-32434), so older ones are refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from protolint.batchnorm.state import Array
from protolint.errors import InputError, UsageError
from protolint.record import NamedTuple
from protolint.stats.tensors import Group

__all__ = ["read_checkpoint"]

_LEAST = (2, 6)
#: Deeper than any trainer nests what it saves; a dictionary may hold itself.
_DEEPEST = 8


class _Loaded(NamedTuple):
    """One tensor of torch's."""

    tensor: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return tuple(self.tensor.shape)

    def values(self) -> Array:
        """Return the values as float64, halves and bfloat16 too."""
        values: Array = self.tensor.detach().cpu().double().numpy()
        return values


def read_checkpoint(path: str) -> list[Group]:
    """Return the tensors of a checkpoint by the dictionaries they lie in; raises InputError.

    Raises UsageError where torch is missing, or too old to load a file safely.
    """
    torch = _torch(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its readers raise: it names no base class
        raise InputError(path, _why(error)) from None
    if isinstance(content, Mapping):
        return list(_groups(content, torch.Tensor, "", 0))
    raise InputError(
        path, f"holds a {type(content).__name__}, no state_dict; save model.state_dict()"
    )


def _torch(path: str) -> Any:
    """Return the torch module, if it is there and safe."""
    try:
        import torch  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UsageError(
            f"{path}: a PyTorch checkpoint needs torch: pip install 'protolint-caffe[torch]', or"
            " save it as .safetensors"
        ) from None
    version = str(torch.__version__)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < _LEAST:
        raise UsageError(
            f"{path}: torch {version} may run code of the file it loads (CVE-2025-32434);"
            " install torch>=2.6"
        )
    return torch


def _why(error: Exception) -> str:
    """Why torch did not load a file, in a line."""
    text = " ".join(str(error).split())
    if "TorchScript" in text:
        return "a TorchScript program, not only tensors; save model.state_dict() instead"
    found = re.search(r"(?:GLOBAL|global|class) [`']?([\w.]+\.\w+)", text)
    if "eights" in text and ("nsupported" in text or "llowlist" in text):
        what = f" ({found[1]})" if found else ""
        return f"holds Python objects{what}, not only tensors; save model.state_dict() instead"
    return f"torch cannot load it: {text[:200] or type(error).__name__}; is it complete?"


def _groups(content: Mapping[Any, Any], kind: type, name: str, depth: int) -> Iterator[Group]:
    """Yield the dictionaries that hold tensors, outermost first."""
    found = {str(key): _Loaded(value) for key, value in content.items() if isinstance(value, kind)}
    if found:
        yield Group(name, found)
    if depth < _DEEPEST:
        for key, value in content.items():
            if isinstance(value, Mapping):
                inner = f"{name}.{key}" if name else str(key)
                yield from _groups(value, kind, inner, depth + 1)
