"""The learnable blobs of a net, as its Caffe loads them from a file, and their way back.

Source: CopyTrainedLayersFrom in src/caffe/net.cpp @ BVLC master, NVIDIA v0.15.14, v0.16.6 and
v0.17.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from protolint.caffe.dialect import Dialect
from protolint.errors import InputError, UsageError
from protolint.execution.step import Array
from protolint.weights.blobs import Form, decode_blob, encode_blob, form_of
from protolint.weights.files import mapped, open_regular
from protolint.weights.header import BlobHeader, read_header
from protolint.weights.index import Generation, LayerEntry, ModelIndex, index_model, shown
from protolint.weights.kinds import SIGNATURE_BYTES, is_hdf5
from protolint.weights.splice import Change, changed_layer, message, whole_file, write_spliced
from protolint.wire import LENGTH, Buffer, WireError, WireField

__all__ = ["as_loaded", "load_order", "load_weights", "read_blob", "save_weights"]

#: The field `blobs` of a LayerParameter and of a V1LayerParameter (caffe.proto @ 1.0).
_BLOBS = {Generation.CURRENT: 7, Generation.V1: 6}


def load_weights(path: str, dialect: Dialect) -> dict[str, list[Array]]:
    """Return the blobs of each layer of a model as float32, by the layer's name.

    The last of several layers of one name counts. Raises InputError for a file that is no
    model, UsageError where HDF5 cannot be read.
    """
    if _is_hdf5(path):
        from protolint.weights.hdf5 import read_model

        return {name: _floats(blobs) for name, blobs in read_model(path).items()}
    found: dict[str, list[Array]] = {}
    with mapped(path) as (data, state):
        for layer in index_model(path, data, state).layers:
            blobs = _floats(_decoded(data, path, layer))
            if layer.type == "BatchNorm":
                blobs = as_loaded(dialect, blobs)
            if blobs:
                found[layer.name] = blobs
    return found


def as_loaded(dialect: Dialect, blobs: Sequence[Array]) -> list[Array]:
    """Return the blobs of a BatchNorm after a Caffe has loaded them from a binary file."""
    found = [blobs[i] for i in load_order(dialect, blobs)]
    if dialect.loading.divides and len(found) == 3 and found[2].size == 1:
        factor = found[2].reshape(-1)[0]
        share = np.float32(0) if factor == 0 else np.float32(1) / factor
        found = [found[0] * share, found[1] * share, np.ones_like(found[2])]
    return found


def read_blob(path: str) -> Array:
    """Return the values of a file that is one BlobProto: a mean image, an infogain matrix.

    Raises InputError for a file that cannot be read or is none.
    """
    with mapped(path) as (data, _):
        try:
            header = read_header(data, WireField(0, LENGTH, 0, 0, len(data)))
        except WireError as error:
            raise InputError(path, f"byte {error.offset}: {error}; it is no blob") from None
        return np.asarray(decode_blob(data, header, path=path, place="the blob"), np.float32)


def load_order(dialect: Dialect, blobs: Sequence[Array], *, binary: bool = True) -> tuple[int, ...]:
    """Return which blob of a BatchNorm in a file becomes the first, the second ...

    Only those of binary files are reordered (CopyTrainedLayersFrom, src/caffe/net.cpp @ v0.16.1
    to v0.17.4).
    """
    if binary and dialect.loading.reorders and len(blobs) == 5 and blobs[4].size == 1:
        # Gamma, beta, mean, variance and reserved, the order of 0.15.
        return (2, 3, 4, 0, 1)
    return tuple(range(len(blobs)))


def save_weights(
    path: str,
    weights: Mapping[str, Sequence[Array]],
    target: str,
    *,
    in_place: bool = False,
    overwrite: bool = True,
) -> None:
    """Write the model at `path` again, with the blobs of the layers that `weights` names.

    Everything else is copied byte for byte, and values keep their form, unless that would round
    halves; layers whose blobs are the same stay as they are. `in_place` allows the target to be
    the source, `overwrite` to be another file that is there. Raises UsageError for HDF5 or a
    target that must not be written, InputError where a file cannot be read or written.
    """
    if _is_hdf5(path):
        raise UsageError(f"{path}: a snapshot is written from a binary caffemodel, not from HDF5")
    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        changes = [
            change
            for layer in index.layers
            if layer.blobs and layer.name in weights
            for change in _changed(data, index, layer, weights[layer.name])
        ]
        pieces = whole_file(index, changes)
    write_spliced(path, target, pieces, state=state, in_place=in_place, overwrite=overwrite)


def _changed(
    data: Buffer, index: ModelIndex, layer: LayerEntry, blobs: Sequence[Array]
) -> list[Change]:
    """Return the change that gives a layer other blobs, if they are others."""
    stored = _floats(_decoded(data, index.path, layer))
    same = len(stored) == len(blobs) and all(
        np.array_equal(a.reshape(-1), b.reshape(-1), equal_nan=True)
        for a, b in zip(stored, blobs, strict=True)
    )
    number = _BLOBS.get(layer.generation)
    places = [field for field in layer.fields if field.number == number]
    if same or number is None or len(places) != len(blobs):
        return []
    inside = []
    for place, header, blob in zip(places, layer.blobs, blobs, strict=True):
        # The old four sizes are no `shape` of four: that would fit no layer of one axis.
        shape = None if header.legacy else header.shape
        encoded = encode_blob(blob, _form(header, blob), shape)
        inside.append(Change(place.start, place.end, message(number, [encoded])))
    return [changed_layer(layer, inside)]


def _form(header: BlobHeader, blob: Array) -> Form:
    """Return the form of a blob in a file; floats for halves that its values are none any more.

    A Caffe with halves reads each blob in a form of its own (FromProto in blob.cpp @ v0.16.6,
    v0.17.4).
    """
    form = form_of(header) or Form.DATA
    with np.errstate(over="ignore"):
        rounded = blob.astype(np.float16)
    if form is Form.RAW_HALF and not np.array_equal(rounded, blob, equal_nan=True):
        return Form.DATA
    return form


def _decoded(data: Buffer, path: str, layer: LayerEntry) -> list[Array]:
    place = f"layer {layer.position} '{shown(layer.name)}'"
    return [
        decode_blob(data, blob, path=path, place=f"{place}, blob {i}")
        for i, blob in enumerate(layer.blobs)
    ]


def _floats(blobs: Sequence[Array]) -> list[Array]:
    """Return writable float32 copies."""
    return [np.array(blob, np.float32, order="C") for blob in blobs]


def _is_hdf5(path: str) -> bool:
    with open_regular(path) as file:
        return is_hdf5(file.read(SIGNATURE_BYTES) or b"")
