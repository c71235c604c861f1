"""The protobuf wire format, read and written without the protobuf library.

A message is a sequence of fields, each a tag (number and wire type) and a value.
Nothing here knows a schema; every length is checked against the end before use.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from protolint.record import NamedTuple

if TYPE_CHECKING:
    import mmap

__all__ = [
    "FIXED32",
    "FIXED64",
    "LENGTH",
    "VARINT",
    "Buffer",
    "WireError",
    "WireField",
    "encode_varint",
    "field_at",
    "fields",
    "float_field",
    "forget",
    "length_delimited",
    "run_end",
    "signed",
    "tag",
    "varint",
    "varint_field",
]

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

Buffer: TypeAlias = "bytes | memoryview | mmap.mmap"

# How much of a run of unpacked values is looked at in one go, in bytes.
_RUN_BYTES = 1 << 20


class WireError(ValueError):
    """Bytes that are no protobuf message; `offset` is where reading stopped."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


class WireField(NamedTuple):
    """One field as it lies in the buffer.

    `start` is the offset of its tag, `value` of its payload and `end` of what follows.
    `number_value` is the value of a varint field, else 0.
    """

    number: int
    wire_type: int
    start: int
    value: int
    end: int
    number_value: int = 0


def varint(data: Buffer, at: int, end: int) -> tuple[int, int]:
    """Return the unsigned 64-bit varint at `at` and the offset after it; raises WireError.

    Bits past the 64th are dropped, as the protobuf library does.
    """
    result = shift = 0
    start = at
    while at < end:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift >= 70:
            raise WireError(start, "a varint of more than ten bytes")
    raise WireError(start, "the data ends in the middle of a varint")


def field_at(data: Buffer, at: int, end: int) -> WireField:
    """Return the field whose tag lies at `at`; raises WireError where it is not one."""
    number_and_type, value = varint(data, at, end)
    number, wire_type = number_and_type >> 3, number_and_type & 7
    if not 0 < number < 1 << 29:
        raise WireError(at, f"field number {number} is not possible")
    content = 0
    if wire_type == LENGTH:
        length, value = varint(data, value, end)
        after = value + length
    elif wire_type == VARINT:
        content, after = varint(data, value, end)
    elif wire_type == FIXED32:
        after = value + 4
    elif wire_type == FIXED64:
        after = value + 8
    else:
        raise WireError(at, f"wire type {wire_type} is not used by Caffe files")
    if after > end:
        raise WireError(at, f"field {number} needs {after - end} bytes more than there are")
    return WireField(number, wire_type, at, value, after, content)


def fields(data: Buffer, start: int, end: int) -> Iterator[WireField]:
    """Yield the fields between two offsets, in file order; raises WireError where they lie."""
    at = start
    while at < end:
        found = field_at(data, at, end)
        yield found
        at = found.end


def run_end(data: Buffer, start: int, end: int, stride: int) -> int:
    """Where the run of equal fields that begins at `start` ends.

    A run is fields of `stride` bytes each, whose tag is the one byte found at `start`:
    the form in which old writers put a repeated float (stride 5) or double (stride 9).
    Looks at one byte of each, at the speed of a copy, in bounded memory.
    """
    mark = bytes((data[start],))
    at = start
    while end - at >= stride:
        here = min(end - at, _RUN_BYTES) // stride * stride
        tags = bytes(data[at : at + here])[::stride]
        same = len(tags) - len(tags.lstrip(mark))
        at += same * stride
        forget(data)
        if same < len(tags):
            break
    return at


def forget(data: Buffer) -> None:
    """Give back the memory of a mapped file's pages; they are read again when needed."""
    if isinstance(data, (bytes, memoryview)):
        return
    import mmap

    if hasattr(mmap, "MADV_DONTNEED"):
        data.madvise(mmap.MADV_DONTNEED)


def signed(value: int) -> int:
    """Return the int32 or int64 that a varint of this unsigned value encodes."""
    return value - (1 << 64) if value >= 1 << 63 else value


def encode_varint(value: int) -> bytes:
    """Return the varint of a value of 0 to 2**64 - 1, or of a negative int64; else ValueError."""
    if not -(1 << 63) <= value < 1 << 64:
        raise ValueError(f"{value} does not fit in 64 bits")
    rest = value & 0xFFFF_FFFF_FFFF_FFFF
    encoded = bytearray()
    while rest >= 0x80:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def tag(number: int, wire_type: int) -> bytes:
    """Return the tag of a field; raises ValueError for a number protobuf does not allow."""
    if not 0 < number < 1 << 29:
        raise ValueError(f"field number {number} is not possible")
    return encode_varint(number << 3 | wire_type)


def length_delimited(number: int, payload: bytes) -> bytes:
    """Return a whole field that holds bytes, a string, a message or packed values."""
    return tag(number, LENGTH) + encode_varint(len(payload)) + payload


def varint_field(number: int, value: int) -> bytes:
    """Return a whole field that holds an integer, a bool or an enum value."""
    return tag(number, VARINT) + encode_varint(value)


def float_field(number: int, value: float) -> bytes:
    """Return a whole field that holds a 32-bit float; the value is rounded to it once."""
    return tag(number, FIXED32) + struct.pack("<f", value)
