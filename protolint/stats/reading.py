"""Files to snapshots: what a file is, its content shows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from protolint.batchnorm.in_net import LayerInNet
from protolint.batchnorm.numbers import Numbers, numbers_of
from protolint.batchnorm.reading import read_weights
from protolint.batchnorm.state import Statistic
from protolint.errors import InputError, UsageError
from protolint.record import NamedTuple
from protolint.stats.model import Snapshot
from protolint.stats.tensors import batchnorms_of, natural
from protolint.weights.kinds import FileKind, recognise
from protolint.words import counted

__all__ = ["Progress", "Reading", "read_snapshots"]

#: Called with the file that is read, the bytes of all files that are done, and those of all files.
Progress = Callable[[str, int, int], None]

_NUMBERS = (
    ("iteration", "iter", re.compile(r"_iter_(\d+)")),
    ("epoch", "epoch", re.compile(r"(?<![a-z])(?:epoch|ep)[-_=.]?(\d+)", re.IGNORECASE)),
)


class Reading(NamedTuple):
    """What the user says about the files.

    `in_net` is what a prototxt says by the layer's name; `source` and `statistic` are as in
    detect; `eps` is what a file of tensors does not store.
    """

    in_net: Mapping[str, LayerInNet] = MappingProxyType({})
    source: str | None = None
    statistic: Statistic | None = None
    eps: float = 1e-5


_NOTHING_SAID = Reading()


def read_snapshots(
    paths: Sequence[str], reading: Reading = _NOTHING_SAID, progress: Progress | None = None
) -> tuple[tuple[Snapshot, ...], str, tuple[str, ...]]:
    """Return the snapshots in order, what the order comes from, and notes.

    The order is that of the iterations where every name has one (`_iter_N`), else that of the
    epochs (`epoch_N`, `epoch=N`, `ep-N`), else the one given. Raises UsageError for a file
    that is given twice or an extra that is missing, InputError for a file that cannot be read.
    """
    seen: dict[str, str] = {}
    for path in paths:
        real = os.path.realpath(path)
        if real in seen:
            raise UsageError(f"{path}: is given twice (as {seen[real]})")
        seen[real] = path
    sizes = [_size(path) for path in paths]
    found: list[Snapshot] = []
    notes: list[str] = []
    for i, path in enumerate(paths):
        if progress is not None:
            progress(path, sum(sizes[:i]), max(sum(sizes), 1))
        snapshot, remarks = _read(path, reading)
        found.append(snapshot)
        notes += [f"{path}: {line}" for line in remarks]
    ordered, order = _ordered(found)
    return ordered, order, tuple(notes)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0  # reading reports what is wrong


def _read(path: str, reading: Reading) -> tuple[Snapshot, list[str]]:
    found = recognise(path)
    name = os.path.basename(path)
    if found.kind is FileKind.SAFETENSORS:
        from protolint.stats.safetensors_file import read_safetensors

        layers, notes = batchnorms_of(read_safetensors(path), path, reading.eps)
        return Snapshot(path, name, found.kind, _in_name_order(layers)), notes
    if found.kind is FileKind.CHECKPOINT:
        from protolint.stats.torch_file import read_checkpoint

        layers, notes = batchnorms_of(read_checkpoint(path), path, reading.eps)
        return Snapshot(path, name, found.kind, layers), notes
    if found.description:
        raise InputError(path, f"no weights, but {found.description}")
    if found.kind is FileKind.TEXT:
        raise InputError(path, "text, no weights; a prototxt goes with --net")
    file_ = read_weights(path, reading.in_net, source=reading.source, statistic=reading.statistic)
    if not file_.layers:
        raise InputError(path, "holds no layer with weights; give the caffemodel of a net")
    notes = [] if file_.norms else [_without(len(file_.layers))]
    layers = tuple(numbers_of(norm) for norm in file_.norms)
    return Snapshot(path, name, file_.kind, layers), notes


def _without(layers: int) -> str:
    return f"holds no BatchNorm ({counted(layers, 'layer')})"


def _in_name_order(layers: tuple[Numbers, ...]) -> tuple[Numbers, ...]:
    """As people count: the library sorts tensors by their size and type."""
    return tuple(sorted(layers, key=lambda numbers: natural(numbers.name)))


def _ordered(found: list[Snapshot]) -> tuple[tuple[Snapshot, ...], str]:
    """Return the snapshots and labels, sorted by the numbers in their names if all have one."""
    if len(found) < 2:
        return tuple(found), "given"
    for order, word, pattern in _NUMBERS:
        numbers = [pattern.search(snapshot.label) for snapshot in found]
        if all(numbers):
            counted = [(int(n[1]), s) for n, s in zip(numbers, found, strict=True) if n]
            counted.sort(key=lambda entry: entry[0])
            distinct = len({number for number, _ in counted}) == len(counted)
            named = [
                replace(s, label=f"{word} {number}" if distinct else s.label, iteration=number)
                for number, s in counted
            ]
            return _labelled(named), order
    return _labelled(found), "given"


def _labelled(found: list[Snapshot]) -> tuple[Snapshot, ...]:
    """Each with a label that no other has: where names are the same, the path."""
    labels = [snapshot.label for snapshot in found]
    return tuple(s if labels.count(s.label) == 1 else replace(s, label=s.path) for s in found)
