"""One pass finds what NumPy finds in the whole of each blob, whatever form it is stored in."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from protolint.errors import InputError
from protolint.weights.blobs import Form, encode_blob
from protolint.weights.files import mapped
from protolint.weights.index import index_model
from protolint.weights.scan import BlobScan, scan_hdf5, scan_model
from protolint.wire import FIXED32, FIXED64, encode_varint, length_delimited, tag

STORED = {
    Form.DATA: np.float32,
    Form.DOUBLE_DATA: np.float64,
    Form.RAW_FLOAT: np.float32,
    Form.RAW_HALF: np.float16,
    Form.RAW_DOUBLE: np.float64,
}


def model(*blobs: bytes) -> bytes:
    fields = length_delimited(1, b"fc") + length_delimited(2, b"InnerProduct")
    return length_delimited(100, fields + b"".join(length_delimited(7, blob) for blob in blobs))


def scanned(data: bytes) -> tuple[BlobScan, ...]:
    ((*scans,),) = scan_model(data, index_model("net.caffemodel", data))
    return tuple(scans)


def expected(values: np.ndarray[Any, Any]) -> tuple[int, int, int, int | None, float]:
    """What NumPy says of values that are all in memory."""
    flat = values.reshape(-1).astype(np.float64)
    odd = np.flatnonzero(~np.isfinite(flat))
    finite = np.abs(flat[np.isfinite(flat)])
    return (
        flat.size,
        int(np.isnan(flat).sum()),
        int(np.isinf(flat).sum()),
        int(odd[0]) if odd.size else None,
        float(finite.max(initial=0.0)),
    )


VALUES = arrays.arrays(
    np.float16,
    arrays.array_shapes(min_dims=1, max_dims=3, max_side=5),
    elements=st.floats(width=16, allow_nan=True, allow_infinity=True),
)


@pytest.mark.parametrize("form", STORED, ids=lambda form: form.name)
@given(values=VALUES)
def test_every_form_is_read_as_numpy_reads_it(form: Form, values: np.ndarray[Any, Any]) -> None:
    stored = values.astype(STORED[form])
    if form in (Form.DATA, Form.RAW_FLOAT, Form.RAW_DOUBLE, Form.DOUBLE_DATA):
        stored = stored * STORED[form](3)
    (scan,) = scanned(model(encode_blob(stored, form)))
    assert scan[:5] == expected(stored)
    assert scan.half == (form is Form.RAW_HALF)


@pytest.mark.parametrize(
    ("number", "wire_type", "code", "kind"),
    [(5, FIXED32, "<f", np.float32), (8, FIXED64, "<d", np.float64)],
)
def test_values_written_one_by_one(number: int, wire_type: int, code: str, kind: Any) -> None:
    values = np.array([1, -7.5, np.nan, 2, -np.inf, np.inf], kind)
    written = b"".join(tag(number, wire_type) + struct.pack(code, value) for value in values)
    shape = length_delimited(7, length_delimited(1, encode_varint(len(values))))
    (scan,) = scanned(model(written + shape))
    assert scan[:5] == expected(values)


def test_a_blob_larger_than_the_buffer_is_read_in_pieces(tmp_path: Path) -> None:
    values = np.linspace(-3, 3, 700_001, dtype=np.float32)
    values[[262_144, 699_999]] = np.nan, np.inf
    small = np.array([1e38], np.float32)
    path = tmp_path / "net.caffemodel"
    path.write_bytes(model(encode_blob(values), encode_blob(small), encode_blob(values[:0])))
    shown: list[tuple[str, int, int]] = []
    with mapped(str(path)) as (data, state):
        index = index_model(str(path), data, state)
        scans = scan_model(data, index, lambda *step: shown.append(step))[0]
    assert scans[0][:5] == expected(values)
    assert scans[1] == BlobScan(1, largest=float(small[0]))
    assert scans[2] == BlobScan(0)
    done = [step for _, step, _ in shown]
    assert len(done) > 2
    assert done == sorted(done)
    assert {(name, size) for name, _, size in shown} == {(str(path), path.stat().st_size)}


def test_a_blob_that_does_not_fit_its_shape_is_located() -> None:
    blob = encode_blob(np.ones(4, np.float32))
    shape = length_delimited(7, length_delimited(1, encode_varint(5)))
    data = model(blob, blob[: blob.index(b":")] + shape)
    with pytest.raises(InputError, match=r"byte \d+ \(layer 0 'fc', blob 1\): the shape 5 needs 5"):
        scanned(data)


def test_hdf5_is_scanned_too(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "net.caffemodel.h5"
    values = np.full((3, 2), 2.0, np.float32)
    values[2, 1] = np.nan
    with h5py.File(path, "w") as file:
        group = file.create_group("data/a/b")
        group["0"] = values
        group["1"] = np.float32(-8)
    assert scan_hdf5(str(path)) == {
        "a/b": (BlobScan(6, nans=1, first=5, largest=2.0), BlobScan(1, largest=8.0))
    }
