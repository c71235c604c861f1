"""One pass over all values of a weight file: what is not finite, and how large the rest is.

Values are copied from the mapped file into one buffer that stays in the processor's cache,
whatever form they are stored in, so that memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, TypeAlias

import numpy as np

from protolint.errors import InputError
from protolint.record import NamedTuple
from protolint.weights.blobs import Array, Form, form_of
from protolint.weights.hdf5 import read_blobs
from protolint.weights.header import BlobHeader, Run
from protolint.weights.index import ModelIndex, shown
from protolint.wire import Buffer, forget

__all__ = ["BlobScan", "Progress", "scan_hdf5", "scan_model"]

#: A function that takes the progress of a pass: the path, the bytes read, and all bytes.
Progress: TypeAlias = Callable[[str, int, int], None]

_BUFFER = 1 << 20
# Bytes after which the mapped pages that were read are given back.
_FORGET_EVERY = 16 << 20

# The bits of a half without its sign; from the second on they are an infinity or a NaN.
_HALF_BITS, _HALF_INFINITE = np.uint16(0x7FFF), 0x7C00


class BlobScan(NamedTuple):
    """What the `length` values of one blob are.

    `first` is the flat index of the first value that is NaN or infinite, None if all are
    finite; `largest` the greatest magnitude of those that are finite; `half` shows that the
    values are stored in half precision.
    """

    length: int
    nans: int = 0
    infinities: int = 0
    first: int | None = None
    largest: float = 0.0
    half: bool = False

    @property
    def non_finite(self) -> int:
        """How many values are not finite."""
        return self.nans + self.infinities


def scan_model(
    data: Buffer, index: ModelIndex, progress: Progress | None = None
) -> tuple[tuple[BlobScan, ...], ...]:
    """Return the scan of each blob of each layer, in file order.

    Raises InputError, with offset and layer, for a blob whose values do not fit its shape.
    """
    reader = _Reader(data, index, progress)
    return tuple(
        tuple(
            reader.blob(header, f"layer {layer.position} '{shown(layer.name)}', blob {i}")
            for i, header in enumerate(layer.blobs)
        )
        for layer in index.layers
    )


def scan_hdf5(path: str) -> dict[str, tuple[BlobScan, ...]]:
    """Return the scan of each blob of an HDF5 model, by layer; raises InputError and UsageError."""

    def scan(item: Any) -> BlobScan:
        found = BlobScan(0)
        for values in _slabs(item):
            found = _joined(found, _scan(values))
        return found

    return read_blobs(path, scan)


class _Reader:
    """One pass over one file, through one buffer."""

    def __init__(self, data: Buffer, index: ModelIndex, progress: Progress | None) -> None:
        self.data = data
        self.index = index
        self.progress = progress
        self.buffer = np.empty(_BUFFER, np.uint8)
        self.kept = 0

    def blob(self, header: BlobHeader, place: str) -> BlobScan:
        problem = header.problem()
        if problem is not None:
            message = f"byte {header.payload.start} ({place}): {problem}"
            raise InputError(self.index.path, message)
        form = form_of(header)
        scan = BlobScan(0, half=form is Form.RAW_HALF)
        if form is not None:
            for run in header.runs:
                for values in self.pieces(run, form.stored):
                    scan = _joined(scan, _scan(values))
        return scan

    def pieces(self, run: Run, stored: np.dtype[Any]) -> Iterator[Array]:
        """Yield the values of a run, each piece in the buffer until the next."""
        most = _BUFFER // stored.itemsize
        for first in range(0, run.length, most):
            count = min(most, run.length - first)
            start = run.start + first * run.stride
            values = self.buffer[: count * stored.itemsize].view(stored)
            values[:] = np.ndarray((count,), stored, self.data, start, (run.stride,))
            self.advance(start + count * run.stride, count * run.stride)
            yield values

    def advance(self, end: int, size: int) -> None:
        """Report how far the pass is, and give memory back now and then."""
        self.kept += size
        if self.kept >= _FORGET_EVERY:
            forget(self.data)
            self.kept = 0
        if self.progress is not None:
            self.progress(self.index.path, min(end, self.index.size), self.index.size)


def _slabs(dataset: Any) -> Iterator[Array]:
    """Yield the values of a dataset, some of its first axis at a time; raises InputError."""
    if not dataset.shape:
        yield np.asarray(dataset[()]).reshape(-1)
        return
    row = max(1, dataset.size // max(1, dataset.shape[0]))
    step = max(1, _BUFFER // row)
    for start in range(0, dataset.shape[0], step):
        yield np.asarray(dataset[start : start + step]).reshape(-1)


@np.errstate(invalid="ignore")
def _scan(values: Array) -> BlobScan:
    """Return the scan of some values, flat.

    Only where one is not finite are they looked at singly.
    """
    if not len(values):
        return BlobScan(0)
    half = values.dtype == np.float16
    if half:
        # Halves have no fast arithmetic, and their bits have the same order.
        bits = int((values.view(np.uint16) & _HALF_BITS).max())
        largest = float(np.uint16(bits).view(np.float16)) if bits < _HALF_INFINITE else inf
    else:
        low, high = float(values.min()), float(values.max())
        largest = max(-low, high) if low == low and high == high else inf
    if largest < inf:
        return BlobScan(len(values), largest=largest, half=half)
    nans, infinite = np.isnan(values), np.isinf(values)
    non_finite = nans | infinite
    finite = np.abs(values[~non_finite].astype(np.float64))
    return BlobScan(
        len(values),
        int(np.count_nonzero(nans)),
        int(np.count_nonzero(infinite)),
        int(np.argmax(non_finite)),
        float(finite.max()) if len(finite) else 0.0,
        half,
    )


def _joined(before: BlobScan, after: BlobScan) -> BlobScan:
    """Return the scan of values and of those that follow them."""
    first = before.first
    if first is None and after.first is not None:
        first = before.length + after.first
    return BlobScan(
        before.length + after.length,
        before.nans + after.nans,
        before.infinities + after.infinities,
        first,
        max(before.largest, after.largest),
        before.half or after.half,
    )
