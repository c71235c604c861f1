"""BatchNorms among named tensors, as a PyTorch state_dict has them.

    <layer>.running_mean, .running_var      the statistics, shape (C), as they are used
    <layer>.weight, .bias                   gamma and beta, missing if affine=False
    <layer>.num_batches_tracked             how many TRAIN passes went into them

(torch/nn/modules/batchnorm.py, _NormBase; eps is an argument there, 1e-5 by default, and is
not stored.) What wraps a net puts its own name before all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from protolint.batchnorm.numbers import Numbers
from protolint.batchnorm.state import UNKNOWN_AGE, Age, Array
from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.words import counted

__all__ = ["Group", "Tensor", "batchnorms_of", "natural"]

_MEAN, _VARIANCE = "running_mean", "running_var"
_WEIGHT, _BIAS, _COUNT = "weight", "bias", "num_batches_tracked"
#: What DataParallel, DistributedDataParallel and torch.compile put before every name.
_WRAPPERS = ("module.", "_orig_mod.")
_LAYOUT = "PyTorch"
#: A layer that is the whole net has no name.
_NAMELESS = "(batchnorm)"


class Tensor(Protocol):
    """A tensor whose values are read when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""

    def values(self) -> Array:
        """Return the values as float64, or as integers."""


class Group(NamedTuple):
    """The tensors of one dictionary of a file, by name; `name` is "" for the file's own."""

    name: str
    tensors: Mapping[str, Tensor]


def batchnorms_of(
    groups: list[Group], path: str, eps: float
) -> tuple[tuple[Numbers, ...], list[str]]:
    """Return the BatchNorms of a file in its order, and notes.

    A layer is named as in its state_dict, without what wraps the whole net; where several
    dictionaries of a file have BatchNorms, with the dictionary's name before it. Raises
    InputError where there are none.
    """
    with_norms = [group for group in groups if _has_norms(group)]
    if not with_norms:
        count = sum(len(group.tensors) for group in groups)
        raise InputError(
            path,
            f"holds no BatchNorm statistics: {counted(count, 'tensor')}, none"
            f" called {_MEAN} or {_VARIANCE}",
        )
    notes = []
    if len(with_norms) > 1:
        names = ", ".join(f"'{group.name}'" for group in with_norms)
        notes.append(f"has BatchNorms in {names}; one of them with --layer '<name>.*'")
    found = []
    for group in with_norms:
        tensors = _unwrapped(group.tensors)
        before = f"{group.name}." if len(with_norms) > 1 else ""
        layers = dict.fromkeys(layer for name in tensors if (layer := _layer_of(name)) is not None)
        found += [_numbers(layer, before + (layer[:-1] or _NAMELESS), tensors, eps)
                  for layer in layers]  # fmt: skip
    return tuple(found), notes


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people count: layer2 before layer10."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _has_norms(group: Group) -> bool:
    return any(_layer_of(name) is not None for name in group.tensors)


def _layer_of(name: str) -> str | None:
    """Return what stands before a statistic's own name, with the dot; None for other tensors."""
    for kind in (_MEAN, _VARIANCE):
        if name == kind or name.endswith(f".{kind}"):
            return name[: len(name) - len(kind)]
    return None


def _unwrapped(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors without a word that stands before all of their names."""
    for wrapper in _WRAPPERS * 2:
        if all(name.startswith(wrapper) for name in tensors):
            tensors = {name[len(wrapper) :]: tensor for name, tensor in tensors.items()}
    return tensors


def _numbers(layer: str, name: str, tensors: Mapping[str, Tensor], eps: float) -> Numbers:
    parts = {kind: tensors.get(layer + kind) for kind in (_MEAN, _VARIANCE, _WEIGHT, _BIAS)}
    problem = _problem(parts)
    if problem:
        empty = np.zeros(0)
        return Numbers(name, _LAYOUT, empty, empty, empty, empty, eps, problem=problem)
    values = {kind: tensor.values() for kind, tensor in parts.items() if tensor is not None}
    channels = len(values[_VARIANCE])
    return Numbers(
        name=name,
        layout=_LAYOUT,
        mean=values[_MEAN],
        variance=values[_VARIANCE],
        gamma=values.get(_WEIGHT, np.ones(channels)),
        beta=values.get(_BIAS, np.zeros(channels)),
        eps=eps,
        affine=_WEIGHT in values,
        age=_age(tensors.get(layer + _COUNT)),
    )


def _problem(parts: Mapping[str, Tensor | None]) -> str:
    """Why the tensors are no BatchNorm; "" if they are one."""
    missing = [kind for kind in (_MEAN, _VARIANCE) if parts[kind] is None]
    if missing:
        return f"{missing[0]} is missing beside the other statistic"
    shapes = {kind: tensor.shape for kind, tensor in parts.items() if tensor is not None}
    wanted = shapes[_VARIANCE]
    misshapen = next((kind for kind, shape in shapes.items() if shape != wanted), None)
    if misshapen is not None or len(wanted) != 1 or wanted[0] == 0:
        kind = misshapen or _VARIANCE
        sizes = "x".join(map(str, shapes[kind])) or "()"
        return f"{kind} has the shape {sizes} and {_VARIANCE} {'x'.join(map(str, wanted)) or '()'}"
    return ""


def _age(count: Tensor | None) -> Age:
    if count is None or count.shape not in ((), (1,)):
        return UNKNOWN_AGE
    passes = float(count.values().reshape(-1)[0])
    return Age(int(passes)) if 0 <= passes < float("inf") else UNKNOWN_AGE
