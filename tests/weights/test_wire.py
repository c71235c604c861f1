from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protolint.wire import (
    LENGTH,
    VARINT,
    WireError,
    WireField,
    encode_varint,
    field_at,
    fields,
    float_field,
    forget,
    length_delimited,
    run_end,
    signed,
    tag,
    varint,
    varint_field,
)


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_a_varint_reads_back(value: int, before: bytes, after: bytes) -> None:
    encoded = encode_varint(value)
    data = before + encoded + after
    assert varint(data, len(before), len(data)) == (value, len(before) + len(encoded))


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_negative_numbers_are_written_in_ten_bytes_as_protobuf_does(value: int) -> None:
    assert signed(varint(encode_varint(value), 0, 10)[0]) == value
    assert value >= 0 or len(encode_varint(value)) == 10


@pytest.mark.parametrize("value", [-(2**63) - 1, 2**64])
def test_what_does_not_fit_64_bits_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        encode_varint(value)


@pytest.mark.parametrize("number", [0, -1, 1 << 29])
def test_impossible_field_numbers_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not possible"):
        tag(number, VARINT)


def test_bits_past_the_64th_are_dropped() -> None:
    assert varint(b"\xff" * 9 + b"\x7f", 0, 10) == (2**64 - 1, 10)


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        pytest.param(b"\x08\x01\x80", 2, "middle of a varint", id="cut tag"),
        pytest.param(b"\x08" + b"\x80" * 10 + b"\x01", 1, "more than ten", id="long varint"),
        pytest.param(b"\x00", 0, "number 0", id="number 0"),
        pytest.param(b"\x0b", 0, "wire type 3", id="group"),
        pytest.param(b"\x12\x05ab", 0, "3 bytes more", id="long string"),
        pytest.param(b"\x0d\0\0", 0, "2 bytes more", id="cut float"),
        pytest.param(b"\x09\0\0", 0, "6 bytes more", id="cut double"),
    ],
)
def test_broken_bytes_are_located(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(WireError, match=message) as caught:
        list(fields(data, 0, len(data)))
    assert caught.value.offset == offset


def test_written_fields_are_what_protobuf_writes(caffe: Any) -> None:
    blob = caffe.BlobProto(num=-1, raw_data=b"xyz", raw_data_type=300)
    written = varint_field(1, -1) + varint_field(10, 300) + length_delimited(12, b"xyz")
    assert written == blob.SerializeToString()
    assert float_field(3, 0.1) == caffe.ParamSpec(lr_mult=0.1).SerializeToString()


def test_field_at_reads_one_field() -> None:
    data = b"??" + length_delimited(100, b"ab") + b"rest"
    assert field_at(data, 2, len(data)) == WireField(100, LENGTH, 2, 5, 7)


@settings(deadline=None)
@given(st.integers(0, 40), st.sampled_from([5, 9]), st.binary(max_size=20))
def test_a_run_ends_where_the_tag_changes(count: int, stride: int, rest: bytes) -> None:
    one = b"\x2d" + bytes(range(1, stride))
    rest = rest if not rest.startswith(b"\x2d") else b"\x35" + rest[1:]
    data = b"^" + one * (count + 1) + rest
    assert run_end(data, 1, len(data), stride) == 1 + stride * (count + 1)


def test_a_long_run_is_followed_over_every_chunk() -> None:
    data = struct.pack("<Bf", 0x2D, 1.5) * 700_001
    assert run_end(data, 0, len(data), 5) == len(data)
    assert run_end(data[:-2], 0, len(data) - 2, 5) == len(data) - 5


def test_forgotten_pages_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 5000)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        forget(data)
        assert data[:] == b"abc" * 5000
    forget(b"memory")
