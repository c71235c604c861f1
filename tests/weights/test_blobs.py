from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protolint.errors import InputError, UsageError
from protolint.weights.blobs import (
    Array,
    Form,
    decode_blob,
    encode_blob,
    form_of,
    recoded_blob,
    rows_at,
    scaled_blob,
    turned_blob,
)
from protolint.weights.header import BlobHeader, RawType, Storage, read_header
from protolint.weights.splice import Copy, Generated, Piece
from protolint.wire import field_at, length_delimited, varint_field

TYPES = {
    Form.DATA: np.float32,
    Form.DOUBLE_DATA: np.float64,
    Form.RAW_FLOAT: np.float32,
    Form.RAW_HALF: np.float16,
    Form.RAW_DOUBLE: np.float64,
}
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
bits = hnp.arrays(np.uint32, shapes)


def header_of(blob: bytes) -> tuple[bytes, BlobHeader]:
    """A file with one blob field, and its header."""
    data = b"\0\0\0" + length_delimited(7, blob)
    return data, read_header(data, field_at(data, 3, len(data)))


def values_of(blob: bytes) -> Array:
    """The decoded values of a BlobProto."""
    data, header = header_of(blob)
    return decode_blob(data, header, path="net", place="blob 0")


def made(data: bytes, pieces: tuple[Piece, ...]) -> bytes:
    """The bytes of pieces over a source in memory."""
    parts: list[bytes] = []
    for piece in pieces:
        if isinstance(piece, Copy):
            parts.append(data[piece.start : piece.end])
        elif isinstance(piece, Generated):
            parts.append(bytes(piece.make(lambda at, size: data[at : at + size])))
            assert len(parts[-1]) == piece.length
        else:
            parts.append(piece)
    return b"".join(parts)


@pytest.mark.parametrize("form", list(Form))
@settings(deadline=None)
@given(pattern=bits)
def test_every_form_gives_back_every_bit(form: Form, pattern: Array) -> None:
    kind: Any = TYPES[form]
    raw = np.resize(pattern.reshape(-1), pattern.size * 2).astype(np.uint32)
    values = raw.view(np.uint8)[: pattern.size * np.dtype(kind).itemsize].view(kind)
    values = values.reshape(pattern.shape)
    found = values_of(encode_blob(values, form))
    # A blob of no values is stored in no field, so that no type is known.
    assert found.dtype == kind or not values.size
    assert found.shape == values.shape
    assert found.tobytes() == values.tobytes()


@settings(deadline=None)
@given(pattern=bits)
def test_data_is_written_as_protobuf_writes_it(caffe: Any, pattern: Array) -> None:
    values = pattern.view(np.float32)
    assume(not np.isnan(values).any())
    blob = caffe.BlobProto(data=values.reshape(-1).tolist())
    blob.shape.dim.extend(values.shape)
    assert encode_blob(values) == blob.SerializeToString()
    blob = caffe.BlobProto(double_data=values.reshape(-1).tolist())
    blob.shape.dim.extend(values.shape)
    assert encode_blob(values, Form.DOUBLE_DATA) == blob.SerializeToString()


def test_raw_data_is_written_as_nvidia_writes_it() -> None:
    values = np.array([1.0, -2.5], np.float32)
    shape = length_delimited(7, length_delimited(1, b"\x02"))
    assert encode_blob(values, Form.RAW_FLOAT) == (
        shape + varint_field(10, 1) + length_delimited(12, struct.pack("<2f", 1.0, -2.5))
    )
    assert encode_blob(values, Form.RAW_HALF) == (
        shape + varint_field(10, 2) + length_delimited(12, struct.pack("<2e", 1.0, -2.5))
    )


def test_another_shape_may_be_written() -> None:
    values = np.arange(3, dtype=np.float32)
    assert values_of(encode_blob(values, shape=(1, 3, 1, 1))).shape == (1, 3, 1, 1)
    with pytest.raises(ValueError, match="does not hold 3 values"):
        encode_blob(values, shape=(2, 2))


@settings(deadline=None)
@given(
    data=st.lists(st.floats(width=32, allow_nan=False), max_size=9),
    doubles=st.lists(st.floats(allow_nan=False), max_size=9),
)
def test_unpacked_values_are_read_like_packed_ones(
    caffe: Any, data: list[float], doubles: list[float]
) -> None:
    blob = caffe.UnpackedBlob(data=data)
    blob.shape.dim.append(len(data))
    assert values_of(blob.SerializeToString()).tolist() == data
    blob = caffe.UnpackedBlob(double_data=doubles, diff=data)
    blob.shape.dim.append(len(doubles))
    assert values_of(blob.SerializeToString()).tolist() == doubles


@settings(deadline=None)
@given(parts=st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 99), max_size=5))))
def test_packed_and_unpacked_parts_are_joined_in_order(parts: list[tuple[bool, list[int]]]) -> None:
    wire, values = b"", []
    for packed, numbers in parts:
        values += numbers
        if packed:
            wire += length_delimited(5, struct.pack(f"<{len(numbers)}f", *numbers))
        else:
            wire += b"".join(b"\x2d" + struct.pack("<f", number) for number in numbers)
    wire += length_delimited(7, varint_field(1, len(values)))
    assert values_of(wire).tolist() == values


def test_a_tag_longer_than_needed_is_read() -> None:
    wire = b"\xad\x00" + struct.pack("<f", 1) + b"\x2d" + struct.pack("<f", 2)
    assert values_of(wire + length_delimited(7, varint_field(1, 2))).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(("data",), [1], id="data"),
        pytest.param(("raw_data",), [3], id="raw_data"),
        pytest.param(("double_data", "data", "raw_data"), [2], id="double_data first"),
        pytest.param(("data", "raw_data"), [1], id="data before raw_data"),
    ],
)
def test_caffes_order_of_reading_is_kept(
    caffe: Any, fields: tuple[str, ...], expected: list[float]
) -> None:
    every = {"data": [1.0], "double_data": [2.0], "raw_data": struct.pack("<f", 3.0)}
    blob = caffe.BlobProto(raw_data_type=1, **{name: every[name] for name in fields})
    blob.shape.dim.append(1)
    assert values_of(blob.SerializeToString()).tolist() == expected


def test_legacy_dimensions_count_before_the_shape(caffe: Any) -> None:
    blob = caffe.BlobProto(num=1, channels=1, height=1, width=3, data=[1.0, 2.0, 3.0])
    blob.shape.dim.append(3)
    data, header = header_of(blob.SerializeToString())
    assert (header.shape, header.legacy) == ((1, 1, 1, 3), True)
    assert decode_blob(data, header, path="", place="").shape == (1, 1, 1, 3)


def test_a_blob_without_shape_is_one_value(caffe: Any) -> None:
    assert values_of(caffe.BlobProto(data=[4.0]).SerializeToString()).shape == ()


def test_a_blob_of_no_values_is_read() -> None:
    assert values_of(encode_blob(np.zeros((0, 3), np.float32))).shape == (0, 3)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        pytest.param({"data": [1.0]}, "needs 2 values, and the file has 1", id="too few"),
        pytest.param({"data": [1.0] * 3}, "needs 2 values, and the file has 3", id="too many"),
        pytest.param({}, "has 0", id="none"),
        pytest.param({"raw_data": b"12345678"}, "without a raw_data_type", id="no type"),
        pytest.param(
            {"raw_data": b"12345678", "raw_data_type": 9}, "without a raw", id="unknown type"
        ),
        pytest.param({"raw_data": b"12345678", "raw_data_type": 3}, "type INT", id="integers"),
        pytest.param({"raw_data": b"12345", "raw_data_type": 2}, "5 bytes", id="odd bytes"),
        pytest.param({"raw_data": b"1234", "raw_data_type": 1}, "has 1", id="short raw_data"),
        pytest.param({"num": -1, "data": [1.0]}, "negative", id="negative"),
        pytest.param({"num": 2**30, "channels": 2**30}, "more values", id="overflow"),
    ],
)
def test_what_aborts_caffe_is_an_error_with_its_place(
    caffe: Any, blob: dict[str, Any], message: str
) -> None:
    proto = caffe.BlobProto(**blob)
    proto.shape.dim.append(2)
    with pytest.raises(InputError, match=message) as caught:
        values_of(proto.SerializeToString())
    assert "net: byte 5 (blob 0): " in str(caught.value)


@pytest.mark.parametrize(
    "mark",
    [length_delimited(10, b""), length_delimited(11, b"1234"), varint_field(13, 1)],
    ids=["shape_stride", "packed_data", "data_type"],
)
def test_values_of_the_opencl_branch_are_named(mark: bytes) -> None:
    blob = mark + length_delimited(12, b"diff") + length_delimited(7, varint_field(1, 1))
    _, header = header_of(blob)
    assert (header.opencl, header.storage) == (True, Storage.NONE)
    with pytest.raises(InputError, match="OpenCL branch"):
        values_of(blob)


def test_the_last_of_two_raw_data_counts() -> None:
    blob = length_delimited(12, b"1234") + varint_field(10, 1) + varint_field(10, 77)
    _, header = header_of(blob + length_delimited(12, struct.pack("<e", 2)) + varint_field(10, 2))
    assert (header.raw_type, header.stored) == (RawType.FLOAT16, 1)


def test_gradients_are_noticed(caffe: Any) -> None:
    for blob in (
        caffe.BlobProto(diff=[1.0]).SerializeToString(),
        caffe.UnpackedBlob(diff=[1.0, 2.0]).SerializeToString(),
        length_delimited(13, b"1234"),
    ):
        assert header_of(blob)[1].diff
    assert not header_of(caffe.BlobProto(data=[1.0]).SerializeToString())[1].diff


@pytest.mark.parametrize("wanted", list(Form))
@pytest.mark.parametrize("form", list(Form))
@settings(deadline=None)
@given(values=hnp.arrays(np.float32, shapes, elements=st.floats(-8, 8, width=16)))
def test_recoding_gives_what_decoding_and_encoding_give(
    form: Form, wanted: Form, values: Array
) -> None:
    data, header = header_of(encode_blob(values, form))
    pieces = recoded_blob(header, wanted)
    decoded = decode_blob(data, header, path="", place="")
    assert made(data, pieces) == encode_blob(decoded, wanted)
    if values.size and TYPES[form] is TYPES[wanted]:
        # The kernel copies such values; nothing is decoded.
        assert not any(isinstance(piece, Generated) for piece in pieces)


def test_unpacked_values_are_recoded(caffe: Any) -> None:
    numbers = np.arange(600_000, dtype=np.float32)
    blob = caffe.UnpackedBlob(data=numbers.tolist())
    blob.shape.dim.append(len(numbers))
    data, header = header_of(blob.SerializeToString())
    assert made(data, recoded_blob(header, Form.DATA)) == encode_blob(numbers)
    assert form_of(header) is Form.DATA


def test_a_broken_blob_is_not_recoded(caffe: Any) -> None:
    with pytest.raises(ValueError, match="the file has 2"):
        recoded_blob(header_of(caffe.BlobProto(data=[1.0, 2.0]).SerializeToString())[1], Form.DATA)


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"70000 does not fit in raw_data FLOAT16"):
        encode_blob(np.array([1, 70000, np.inf], np.float32), Form.RAW_HALF)
    with pytest.raises(UsageError, match="does not fit in data"):
        encode_blob(np.array([1e300]))
    assert encode_blob(np.array([np.inf, np.nan], np.float32), Form.RAW_HALF)


@pytest.mark.parametrize("row", [1, 2, 3, 6])
@pytest.mark.parametrize("cuts", [(0, 12), (0, 5, 12)])
def test_rows_are_scaled_wherever_their_values_lie(
    row: int, cuts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one piece or several, in chunks of whole rows or not; rows_at has no copy of one piece."""
    monkeypatch.setattr("protolint.weights.blobs._VALUES_AT_ONCE", 4)
    values = np.arange(12, dtype=np.float32)
    parts = (values[a:b].tobytes() for a, b in pairwise(cuts))
    shape = length_delimited(7, length_delimited(1, b"\x0c"))
    data, header = header_of(b"".join(length_delimited(5, part) for part in parts) + shape)
    factor = np.linspace(1, 2, 12 // row)

    def factors(at: int, size: int) -> Array:
        found: Array = np.repeat(factor, row)[at : at + size]
        return found[::row] if at % row == size % row == 0 else found

    found = values_of(made(data, scaled_blob(header, row, factors)))
    wanted = (values * np.repeat(factor, row)).astype(np.float32)
    assert np.array_equal(found, wanted)
    assert np.array_equal(rows_at(header, data, row, (1, row))[0], values[row : 2 * row])


@pytest.mark.parametrize("at_once", [1, 8, 12])
@pytest.mark.parametrize("cuts", [(0, 12), (0, 5, 12), (0, 1, 2, 12)])
def test_columns_become_rows_wherever_their_values_lie(
    at_once: int, cuts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protolint.weights.blobs._TURNED_AT_ONCE", at_once)
    monkeypatch.setattr("protolint.weights.blobs._VALUES_AT_ONCE", 5)
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    parts = (values.ravel()[a:b].tobytes() for a, b in pairwise(cuts))
    shape = length_delimited(7, length_delimited(1, b"\x04\x03"))
    data, header = header_of(b"".join(length_delimited(5, part) for part in parts) + shape)
    factor = np.array([1.0, 0.5, -3.0])
    wanted = (values * factor).astype(np.float32).T
    assert made(data, turned_blob(header, 3, factor)) == encode_blob(wanted)
    doubles, header = header_of(encode_blob(values, Form.RAW_DOUBLE))
    assert made(doubles, turned_blob(header, 3, factor)) == encode_blob(wanted)
    with pytest.raises(UsageError, match="does not fit in data"):
        made(doubles, turned_blob(header, 3, factor * 1e38))


@pytest.mark.parametrize("place", [0, 5, 2999])
def test_a_scaled_value_that_does_not_fit_is_refused(place: int) -> None:
    """One that was infinite or NaN before stays so; NumPy works with buffers of its usual size."""
    values = np.ones(3000, np.float32)
    values[[1, 7]] = np.inf, np.nan
    data, header = header_of(encode_blob(values))
    usual = np.getbufsize()
    found = values_of(made(data, scaled_blob(header, 3000, lambda *_: np.array([1e30]))))
    assert np.array_equal(found, (values * 1e30).astype(np.float32), equal_nan=True)
    values[place] = 1e10
    data, header = header_of(encode_blob(values))
    with pytest.raises(UsageError, match=r"1e\+40 does not fit in data"):
        made(data, scaled_blob(header, 3000, lambda *_: np.array([1e30])))
    assert np.getbufsize() == usual
