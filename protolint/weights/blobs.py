"""BlobProto bytes to NumPy arrays and back, in every form a Caffe stores values.

header.py finds which field to read; the caller chooses which one to write:

    DATA          `data`, packed floats      BVLC, every NVIDIA release
    DOUBLE_DATA   `double_data`, packed      the same; what nets of doubles write
    RAW_FLOAT     `raw_data`, FLOAT          NVIDIA from 0.16.1, its default
    RAW_HALF      `raw_data`, FLOAT16        the same, for half-precision layers
    RAW_DOUBLE    `raw_data`, DOUBLE         the same, for nets of doubles

(Blob::ToProto, src/caffe/blob.cpp @ 1.0, v0.16.1, v0.17.4.) Fields are written in the
order of their numbers, as protobuf does, and the shape always as `shape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from math import prod
from typing import Any, TypeAlias

import numpy as np

from protolint.errors import InputError, UsageError
from protolint.weights.files import Copy, Generated, Piece, ReadAt
from protolint.weights.header import (
    DATA,
    DOUBLE_DATA,
    RAW_DATA,
    RAW_DATA_TYPE,
    SHAPE,
    BlobHeader,
    RawType,
    Run,
    Storage,
)
from protolint.wire import (
    LENGTH,
    Buffer,
    encode_varint,
    forget,
    length_delimited,
    tag,
    varint_field,
)

__all__ = [
    "Array", "Factors", "Form", "decode_blob", "encode_blob", "form_of", "recoded_blob",
    "rows_at", "scaled_blob", "turned_blob",
]  # fmt: skip

Array: TypeAlias = np.ndarray[tuple[Any, ...], np.dtype[Any]]
#: From the place of a value and a number of values to their factors.
Factors: TypeAlias = Callable[[int, int], Array]

# How many values are converted at once, so that memory does not grow with the blob.
_VALUES_AT_ONCE = 1 << 18

# How many values of a matrix are turned at once; each time all of it is gone through.
_TURNED_AT_ONCE = 1 << 22

# How many values NumPy makes doubles of at a time: they stay in the cache nearest to the
# processor, which takes half the time of what NumPy does by itself.
_BUFFERED = 1 << 10


class Form(Enum):
    """A way to write values; see the table at the top."""

    DATA = "data"
    DOUBLE_DATA = "double_data"
    RAW_FLOAT = "raw_data FLOAT"
    RAW_HALF = "raw_data FLOAT16"
    RAW_DOUBLE = "raw_data DOUBLE"

    @property
    def stored(self) -> np.dtype[Any]:
        """The type of a value in the file."""
        return _TYPES[self][0]


# The type in the file, little-endian on every machine Caffe ran on, and its raw type.
_TYPES: dict[Form, tuple[np.dtype[Any], RawType | None]] = {
    Form.DATA: (np.dtype("<f4"), None),
    Form.DOUBLE_DATA: (np.dtype("<f8"), None),
    Form.RAW_FLOAT: (np.dtype("<f4"), RawType.FLOAT),
    Form.RAW_HALF: (np.dtype("<f2"), RawType.FLOAT16),
    Form.RAW_DOUBLE: (np.dtype("<f8"), RawType.DOUBLE),
}
_RAW_FORMS = {raw: form for form, (_, raw) in _TYPES.items() if raw is not None}


def form_of(header: BlobHeader) -> Form | None:
    """Return the form a blob is stored in; None if it has no values that can be read."""
    if header.storage is Storage.DATA:
        return Form.DATA
    if header.storage is Storage.DOUBLE_DATA:
        return Form.DOUBLE_DATA
    if header.storage is Storage.RAW_DATA and header.raw_type is not None:
        return _RAW_FORMS.get(header.raw_type)
    return None


def decode_blob(data: Buffer, header: BlobHeader, *, path: str, place: str) -> Array:
    """Return the values of one blob, shaped as Caffe would, in the type they are stored in.

    A new float32, float64 or float16 array, bit for bit as in the file. `place` names
    the blob in messages. Raises InputError, with the offset, where Caffe would abort:
    values missing or left over, no known type, a negative dimension.
    """
    problem = header.problem()
    if problem is not None:
        raise InputError(path, f"byte {header.payload.start} ({place}): {problem}")
    form = form_of(header)
    if form is None:
        return np.zeros(header.shape, np.float32)
    stored = form.stored
    parts = [
        np.ndarray((run.length,), stored, data, run.start, (run.stride,)) for run in header.runs
    ]
    values = np.concatenate(parts).astype(stored.newbyteorder("="), copy=False)
    # Values are copied; without this, every blob ever read would stay in memory twice.
    forget(data)
    return values.reshape(header.shape)


def encode_blob(values: Array, form: Form = Form.DATA, shape: Sequence[int] | None = None) -> bytes:
    """Return the BlobProto of an array, with its shape or another one of as many values.

    Values are rounded to the form's type once. Raises UsageError where a finite value
    does not fit the type, ValueError where the shape does not fit the array.
    """
    dims = values.shape if shape is None else tuple(shape)
    if prod(dims) != values.size:
        raise ValueError(f"shape {dims} does not hold {values.size} values")
    stored = _fitted(values, form).tobytes()
    before, after = _frame(form, dims, len(stored))
    return before + stored + after


def recoded_blob(header: BlobHeader, form: Form) -> tuple[Piece, ...]:
    """Yield the pieces of a BlobProto with the same values in another form.

    Values whose bytes stay the same are copied, others converted in bounded memory
    while writing (UsageError then where one does not fit, as in encode_blob).
    Gradients and unknown fields are left out; they play no part when weights are loaded.
    Raises ValueError for a blob whose header has a problem.
    """
    source, problem = form_of(header), header.problem()
    if problem is not None:
        raise ValueError(problem)
    if source is None:
        return (encode_blob(np.zeros(header.shape, np.float32), form),)
    stored, wanted = source.stored, form.stored
    packed = all(run.stride == stored.itemsize for run in header.runs)
    if stored == wanted and packed:
        before, after = _frame(form, header.shape, header.count * wanted.itemsize)
        return (before, *(Copy(run.start, run.end) for run in header.runs), after)
    return _generated(
        header, stored, form, _VALUES_AT_ONCE, lambda values, _: _fitted(values, form)
    )


def scaled_blob(header: BlobHeader, row: int, factors: Factors) -> tuple[Piece, ...]:
    """Return the pieces of a BlobProto with every value times a factor, worked out in float64.

    `factors` gives those of some values, by the place of the first one and their number: one for
    each, or one for each `row` of them. The values are made in bounded memory while writing, as
    floats (UsageError then where one becomes infinite). Raises ValueError for a blob whose
    header has a problem.
    """
    source, problem = form_of(header), header.problem()
    if problem is not None or source is None:
        raise ValueError(problem or "no values")
    many = max(1, _VALUES_AT_ONCE // row) * row if row < _VALUES_AT_ONCE else _VALUES_AT_ONCE

    def scaled(values: Array, at: int) -> Array:
        factor = factors(at, values.size)[:, None]
        return _multiplied(values.reshape(factor.size, -1), factor)

    return _generated(header, source.stored, Form.DATA, many, scaled)


def turned_blob(header: BlobHeader, outputs: int, factor: Array) -> tuple[Piece, ...]:
    """Return the pieces of a BlobProto with the columns of a matrix as its rows.

    The blob holds `outputs` columns, of which each is multiplied by its factor; all else is as in
    scaled_blob.
    """
    source, problem = form_of(header), header.problem()
    if problem is not None or source is None:
        raise ValueError(problem or "no values")
    stored, inputs = source.stored, header.count // outputs
    width = inputs * Form.DATA.stored.itemsize
    before, after = _frame(Form.DATA, (outputs, inputs), outputs * width)
    many = max(1, _TURNED_AT_ONCE // inputs)

    def make(first: int, columns: int, read_at: ReadAt) -> memoryview:
        block = np.empty((inputs, columns), stored)
        # Whole rows lie one behind the other.
        rows = max(1, _VALUES_AT_ONCE // columns) if columns == outputs else 1
        for row in range(0, inputs, rows):
            part = block[row : row + rows].reshape(-1)
            _read_into(read_at, header.runs, row * outputs + first, part)
        return _multiplied(block.T, factor[first : first + columns, None]).data.cast("B")

    parts = ((first, min(many, outputs - first)) for first in range(0, outputs, many))
    return (before, *(Generated(part[1] * width, partial(make, *part)) for part in parts), after)


def _generated(
    header: BlobHeader,
    stored: np.dtype[Any],
    form: Form,
    many: int,
    made: Callable[[Array, int], Array],
) -> tuple[Piece, ...]:
    """Return the pieces of a BlobProto whose values are made of some, and the place of the first.

    Each piece has so `many`.
    """
    width = form.stored.itemsize
    before, after = _frame(form, header.shape, header.count * width)

    def make(run: Run, at: int, read_at: ReadAt) -> memoryview:
        data = read_at(run.start, (run.length - 1) * run.stride + stored.itemsize)
        values = np.ndarray((run.length,), stored, data, 0, (run.stride,))
        return made(values, at).data.cast("B")

    pieces: list[Piece] = [before]
    at = 0
    for start, end, stride in header.runs:
        for first in range(start, end, many * stride):
            part = Run(first, min(first + many * stride, end), stride)
            pieces.append(Generated(part.length * width, partial(make, part, at)))
            at += part.length
    return (*pieces, after)


def _read_into(read_at: ReadAt, runs: Sequence[Run], at: int, values: Array) -> None:
    """Fill an array with the values of a blob from a place on."""
    for run in runs:
        count = min(values.size, max(0, run.length - at))
        if count:
            size = (count - 1) * run.stride + values.itemsize
            data = read_at(run.start + at * run.stride, size)
            values[:count] = np.ndarray((count,), values.dtype, data, 0, (run.stride,))
        values, at = values[count:], max(0, at - run.length)


def _multiplied(grid: Array, factor: Array) -> Array:
    """Return floats multiplied in float64; raises UsageError where one becomes infinite."""
    out = np.empty(grid.shape, Form.DATA.stored)
    usual = np.setbufsize(_BUFFERED)
    try:
        with np.errstate(over="raise", under="ignore", invalid="ignore"):
            np.multiply(grid, factor, out=out, dtype=np.float64, casting="same_kind")
    except FloatingPointError:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            out = _fitted(np.multiply(grid, factor, dtype=np.float64), Form.DATA)
    finally:
        np.setbufsize(usual)
    return out


def rows_at(header: BlobHeader, data: Buffer, at: int, shape: tuple[int, int]) -> Array:
    """Return rows of values of a blob as they are stored, of which the first is at a place.

    The array is the file's own memory where the values lie in one piece, else a copy.
    """
    form = form_of(header)
    rows: Array
    if form is not None and len(header.runs) == 1:
        (run,) = header.runs
        strides = shape[1] * run.stride, run.stride
        rows = np.ndarray(shape, form.stored, data, run.start + at * run.stride, strides)
    else:
        rows = decode_blob(data, header, path="", place="").reshape(-1, shape[1])
        rows = rows[at // shape[1] :][: shape[0]]
    return rows


def _fitted(values: Array, form: Form) -> Array:
    """Return the values in a form's type; raises UsageError where a finite one becomes infinite."""
    with np.errstate(over="ignore", under="ignore"):
        fitted = values.astype(form.stored)
    lost = np.isinf(fitted) & np.isfinite(values)
    if lost.any():
        largest = float(np.abs(values[lost]).max())
        raise UsageError(f"{largest:g} does not fit in {form.value}: choose a wider form")
    return fitted


def _frame(form: Form, dims: Sequence[int], size: int) -> tuple[bytes, bytes]:
    """Return what stands before and after `size` bytes of values in a BlobProto."""
    packed = b"".join(encode_varint(dim) for dim in dims)
    # A blob without axes still has an (empty) shape, or it would have no shape at all.
    shape = length_delimited(SHAPE, length_delimited(1, packed) if dims else b"")
    raw = _TYPES[form][1]
    if raw is not None:
        return shape + varint_field(RAW_DATA_TYPE, raw.value) + _opened(RAW_DATA, size), b""
    if not size:
        return shape, b""
    # `data` (5) comes before `shape` (7), `double_data` (8) after it.
    if form is Form.DATA:
        return _opened(DATA, size), shape
    return shape + _opened(DOUBLE_DATA, size), b""


def _opened(number: int, size: int) -> bytes:
    """Return the tag and length of a field of `size` bytes."""
    return tag(number, LENGTH) + encode_varint(size)
