"""What a BlobProto says about its values, found without reading the values.

Field numbers: `BlobProto` in src/caffe/proto/caffe.proto @ 1.0 (1 to 9) and @ v0.16.1
(10 to 13). The OpenCL branch gives 10 to 13 other meanings (`shape_stride`,
`packed_data`, `packed_diff`, `data_type`); the wire types show which are meant.
"""

from __future__ import annotations

from enum import Enum
from math import prod

from protolint.record import NamedTuple
from protolint.source import Span
from protolint.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Buffer,
    WireError,
    WireField,
    field_at,
    fields,
    run_end,
    signed,
    varint,
)

__all__ = [
    "DATA",
    "DOUBLE_DATA",
    "RAW_DATA",
    "RAW_DATA_TYPE",
    "SHAPE",
    "BlobHeader",
    "RawType",
    "Run",
    "Storage",
    "read_header",
]

NUM, CHANNELS, HEIGHT, WIDTH = 1, 2, 3, 4
DATA, DIFF, SHAPE, DOUBLE_DATA, DOUBLE_DIFF = 5, 6, 7, 8, 9
RAW_DATA_TYPE, RAW_DIFF_TYPE, RAW_DATA, RAW_DIFF = 10, 11, 12, 13

# kMaxBlobAxes of include/caffe/blob.hpp @ 1.0: more axes abort the framework.
_MOST_AXES = 32
# Blob::Reshape, src/caffe/blob.cpp @ 1.0: "blob size exceeds INT_MAX".
_MOST_VALUES = 2**31 - 1
# Pieces in which the values of a blob may lie; every writer makes one of them.
_MOST_RUNS = 10_000

# A repeated field of a fixed width may be packed or not: (wire type, width in bytes).
_REPEATED = {
    DATA: (FIXED32, 4),
    DIFF: (FIXED32, 4),
    DOUBLE_DATA: (FIXED64, 8),
    DOUBLE_DIFF: (FIXED64, 8),
}

# shape_stride, packed_data and data_type of the OpenCL branch, as it writes them.
_OPENCL = {(RAW_DATA_TYPE, LENGTH), (RAW_DIFF_TYPE, LENGTH), (RAW_DIFF, VARINT)}


class Storage(Enum):
    """In which field of a BlobProto the values stand, by the field's name."""

    DATA = "data"
    DOUBLE_DATA = "double_data"
    RAW_DATA = "raw_data"
    NONE = "none"


class RawType(Enum):
    """`raw_data_type`: enum Type in caffe.proto @ v0.16.1, BOOL since v0.17."""

    DOUBLE = 0
    FLOAT = 1
    FLOAT16 = 2
    INT = 3
    UINT = 4
    BOOL = 5


# Bytes of one value of raw_data; Blob::FromProto @ v0.16.1 aborts on any other type.
_RAW_WIDTH = {RawType.DOUBLE: 8, RawType.FLOAT: 4, RawType.FLOAT16: 2}


class Run(NamedTuple):
    """Values that lie at equal distances: offsets in bytes, a value at every `stride`.

    A packed field has the stride of its values (4 or 8), unpacked ones a byte more
    for the tag, and then `start` is the first value and not its tag.
    """

    start: int
    end: int
    stride: int

    @property
    def length(self) -> int:
        """How many values the run holds."""
        return -(-(self.end - self.start) // self.stride)


class BlobHeader(NamedTuple):
    """One blob of a file: where it lies, its shape, and where its values stand.

    `field` spans the whole field with tag and length, `payload` the BlobProto alone.
    `shape` is the one Caffe uses: num, channels, height, width if any of the four is
    there (`legacy`), else `shape`, else no axis at all, which means one value
    (Blob::FromProto, src/caffe/blob.cpp @ 1.0). `diff` shows whether gradients are
    stored too, `opencl` whether the OpenCL branch wrote the blob.
    """

    field: Span
    payload: Span
    shape: tuple[int, ...]
    legacy: bool
    data: tuple[Run, ...]
    double_data: tuple[Run, ...]
    raw_data: Span | None
    raw_type: RawType | None
    diff: bool
    opencl: bool

    @property
    def storage(self) -> Storage:
        """The field the values are read from: double_data, then data, then raw_data.

        The order of Blob::FromProto @ v0.16.1; BVLC and older NVIDIA releases know
        the first two only, in the same order.
        """
        if self.double_data:
            return Storage.DOUBLE_DATA
        if self.data:
            return Storage.DATA
        return Storage.NONE if self.raw_data is None or self.opencl else Storage.RAW_DATA

    @property
    def runs(self) -> tuple[Run, ...]:
        """Where the values lie, in order; empty when there are none, or no usable type."""
        storage = self.storage
        if storage is Storage.RAW_DATA and self.raw_data is not None:
            width = 0 if self.raw_type is None else _RAW_WIDTH.get(self.raw_type, 0)
            return (Run(*self.raw_data, width),) if width else ()
        return self.double_data if storage is Storage.DOUBLE_DATA else self.data

    @property
    def stored(self) -> int:
        """How many values the file has for this blob."""
        return sum(run.length for run in self.runs)

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many values the shape asks for; Caffe's word, not that of a tuple."""
        return prod(self.shape)

    def problem(self) -> str | None:
        """Why Caffe could not load the values, or None if it can."""
        shape = " ".join(map(str, self.shape)) or "()"
        if min(self.shape, default=0) < 0:
            return f"the shape {shape} has a negative dimension"
        if prod(dim or 1 for dim in self.shape) > _MOST_VALUES:
            return f"the shape {shape} has more values than Caffe can count"
        raw_problem = self._raw_problem() if self.storage is Storage.RAW_DATA else None
        if raw_problem is not None:
            return raw_problem
        if self.opencl and self.stored == 0 and self.count:
            return (
                "its values are in packed_data, which only the OpenCL branch of Caffe writes;"
                " save the model there as HDF5, or load and save it with another build"
            )
        if self.stored == 0 and self.count and self.diff:
            return (
                "its values are in 'diff', where Caffe keeps gradients and which it does not load;"
                " whatever wrote the file has to put them into 'data'"
            )
        if self.stored != self.count:
            return f"the shape {shape} needs {self.count} values, and the file has {self.stored}"
        return None

    def _raw_problem(self) -> str | None:
        """Return what is wrong with the type or the length of raw_data."""
        if self.raw_type is None:
            return "raw_data without a raw_data_type that Caffe knows"
        if self.raw_type not in _RAW_WIDTH:
            return f"raw_data of type {self.raw_type.name}, which no Caffe reads as weights"
        size = len(range(*self.raw_data)) if self.raw_data is not None else 0
        if size % _RAW_WIDTH[self.raw_type]:
            return f"raw_data of {size} bytes is no whole number of {self.raw_type.name} values"
        return None


def read_header(data: Buffer, field: WireField) -> BlobHeader:
    """Return the header of the BlobProto that `field` holds; raises WireError with the offset.

    Every length inside the blob is checked. No value is read; of values that were
    written one by one, one byte each is looked at.
    """
    legacy: dict[int, int] = {}
    dims: list[int] = []
    runs: dict[int, list[Run]] = {number: [] for number in _REPEATED}
    raw_data: Span | None = None
    raw_type: RawType | None = None
    diff = opencl = False
    at = field.value
    while at < field.end:
        found = field_at(data, at, field.end)
        at = found.end
        number, wire_type = found.number, found.wire_type
        if number in _REPEATED:
            fixed, width = _REPEATED[number]
            if wire_type == fixed:
                at = _add_unpacked(data, runs[number], found, width, field.end)
            elif wire_type == LENGTH:
                _add_packed(runs[number], found, width)
            if len(runs[number]) > _MOST_RUNS:
                raise WireError(found.start, f"values in more than {_MOST_RUNS} pieces")
        elif number <= WIDTH and wire_type == VARINT:
            legacy[number] = signed(found.number_value)
        elif number == SHAPE and wire_type == LENGTH:
            _add_dims(data, found, dims)
        elif number == RAW_DATA_TYPE and wire_type == VARINT:
            raw_type = _raw_type(found.number_value, raw_type)
        elif number == RAW_DATA and wire_type == LENGTH:
            raw_data = Span(found.value, found.end)
        elif number == RAW_DIFF and wire_type == LENGTH:
            diff = True
        elif (number, wire_type) in _OPENCL:
            opencl = True
    shape = tuple(dims)
    if legacy:
        shape = tuple(legacy.get(number, 0) for number in (NUM, CHANNELS, HEIGHT, WIDTH))
    return BlobHeader(
        field=Span(field.start, field.end),
        payload=Span(field.value, field.end),
        shape=shape,
        legacy=bool(legacy),
        data=tuple(runs[DATA]),
        double_data=tuple(runs[DOUBLE_DATA]),
        raw_data=raw_data,
        raw_type=raw_type,
        diff=diff or bool(runs[DIFF] or runs[DOUBLE_DIFF]),
        opencl=opencl,
    )


def _raw_type(value: int, before: RawType | None) -> RawType | None:
    """Return the type of a raw_data_type field; protobuf leaves out numbers it does not know."""
    try:
        return RawType(value)
    except ValueError:
        return before


def _add_packed(runs: list[Run], found: WireField, width: int) -> None:
    """Append the values of one packed field."""
    size = found.end - found.value
    if size % width:
        raise WireError(found.start, f"{size} bytes are no whole number of {width}-byte values")
    if size:
        runs.append(Run(found.value, found.end, width))


def _add_unpacked(data: Buffer, runs: list[Run], found: WireField, width: int, end: int) -> int:
    """Append the run of unpacked values that begins with `found`; the offset after it."""
    if found.value - found.start > 1:
        # A tag written longer than needed is legal; such a value is a run of its own.
        runs.append(Run(found.value, found.end, width))
        return found.end
    after = run_end(data, found.start, end, width + 1)
    runs.append(Run(found.value, after, width + 1))
    return after


def _add_dims(data: Buffer, shape: WireField, dims: list[int]) -> None:
    """Append the dimensions of one BlobShape, packed or not."""
    for found in fields(data, shape.value, shape.end):
        if found.number != 1:
            continue
        if found.wire_type == VARINT:
            dims.append(signed(found.number_value))
        elif found.wire_type == LENGTH:
            at = found.value
            while at < found.end and len(dims) <= _MOST_AXES:
                dim, at = varint(data, at, found.end)
                dims.append(signed(dim))
        if len(dims) > _MOST_AXES:
            raise WireError(found.start, f"a shape of more than {_MOST_AXES} axes")
