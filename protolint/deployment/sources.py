"""The net and the weights that a deployment works on, from whatever is given.

Importers want a prototxt and a binary caffemodel. A caffemodel carries the net that was trained,
and an HDF5 file only blobs, which get what the net says of their layers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from protolint.batchnorm.state import Array
from protolint.caffe.binder import to_protobuf
from protolint.caffe.dialect import Dialect
from protolint.caffe.field_numbers import LayerField, NetField
from protolint.caffe.registry import DIALECTS
from protolint.conversion.numbers.embedded_net import model_net
from protolint.errors import InputError
from protolint.net.net import Net
from protolint.source import Source
from protolint.weights.blobs import Form, encode_blob
from protolint.weights.files import mapped
from protolint.weights.hdf5 import read_model
from protolint.weights.index import Generation, ModelIndex
from protolint.wire import Buffer, length_delimited
from protolint.words import listed

__all__ = ["as_binary", "carried_net"]

#: What says when a layer is there, and the phase that the net was built in: it is built already.
_RULES = ("include", "exclude", "phase")
#: As the type of a layer, and of one of V1 (SPLIT = 22, caffe.proto @ BVLC 1.0).
_SPLIT = ("Split", "22")
_BINARY, _HDF5 = ".caffemodel", (".h5", ".hdf5")


def carried_net(path: str, index: ModelIndex, writer: Dialect) -> tuple[Source, list[str]]:
    """Return the net that a caffemodel carries as text, named after it, and what it lost.

    All its layers are in one state, and the Split layers that Caffe puts in when it builds a net
    are out (insert_splits.cpp @ BVLC 1.0). It is read by the Caffe that knows most of it, its
    writer if that knows all. Raises InputError for weights without a net.
    """
    with mapped(path) as (data, _):
        try:
            net, lost = min(
                (_read(index, data, dialect) for dialect in (writer, *DIALECTS.values())),
                key=lambda found: len(found[1]),
            )
        except UnicodeError:
            raise InputError(
                path,
                "has names in bytes that are no UTF-8; give the prototxt before it",
            ) from None
    layers = net.layer or net.layers
    if not any(layer.top for layer in layers):
        raise InputError(path, "says nothing of the net; give the prototxt before it")
    copied: dict[str, str] = {}
    for layer in list(layers):
        for name in _RULES:
            if name in layer.DESCRIPTOR.fields_by_name:
                layer.ClearField(name)
        layer.bottom[:] = [copied.get(name, name) for name in layer.bottom]
        if str(layer.type) in _SPLIT:
            copied.update(dict.fromkeys(layer.top, layer.bottom[0]))
            layers.remove(layer)
    stem = path.removesuffix(_BINARY)
    remarks = [f"left out what no Caffe here knows of {listed(lost, 3)}"] if lost else []
    return Source(f"{stem}.prototxt", str(net).encode("utf-8", "surrogateescape")), remarks


def _read(index: ModelIndex, data: Buffer, dialect: Dialect) -> tuple[Any, list[str]]:
    """Return the net as a Caffe reads it, and the layers of which it does not know everything."""
    net = to_protobuf(model_net(data, index, dialect).message)
    current = [e for e in index.layers if e.generation is Generation.CURRENT]
    known = (layer.ByteSize() for layer in getattr(net, "layer", ()))
    return net, [
        entry.name
        for entry, size in zip(current, known, strict=True)
        if size < sum(f.end - f.start for f in entry.fields if f.number != LayerField.BLOBS)
    ]


@contextmanager
def as_binary(path: str, net: Net) -> Iterator[str]:
    """Return the path of a binary caffemodel with the blobs of an HDF5 one, for a while.

    Each layer has the type, bottoms and tops that it has in the net. Raises InputError for a file
    that is no model.
    """
    from tempfile import TemporaryDirectory

    name = os.path.basename(path)
    for ending in _HDF5:
        name = name.removesuffix(ending)
    name = name if name.endswith(_BINARY) else name + _BINARY
    blobs = read_model(path)
    with TemporaryDirectory(prefix="protolint-") as folder:
        binary = os.path.join(folder, name)
        with open(binary, "wb") as file:
            for part in _layers(net, blobs):
                file.write(part)
        yield binary


def _layers(net: Net, blobs: Mapping[str, Sequence[Array]]) -> Iterator[bytes]:
    for layer in {layer.name: layer for layer in net.layers}.values():
        names = [(LayerField.NAME, layer.name), (LayerField.TYPE, layer.type)]
        names += [(LayerField.BOTTOM, bottom.name) for bottom in layer.bottoms]
        names += [(LayerField.TOP, top.name) for top in layer.tops]
        parts = [
            length_delimited(number, text.encode("utf-8", "surrogateescape"))
            for number, text in names
        ]
        parts += [
            length_delimited(LayerField.BLOBS, encode_blob(values, Form.DATA))
            for values in blobs.get(layer.name, ())
        ]
        yield length_delimited(NetField.LAYER, b"".join(parts))
