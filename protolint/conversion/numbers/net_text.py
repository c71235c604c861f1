"""The net that a caffemodel carries, as a prototxt without its weights."""

from __future__ import annotations

from protolint.caffe.descriptors import load_schema
from protolint.caffe.dialect import Dialect
from protolint.errors import InputError
from protolint.source import Source
from protolint.weights.files import mapped
from protolint.weights.index import index_model
from protolint.wire import Buffer, length_delimited

__all__ = ["net_in_weights"]


def net_in_weights(path: str, dialect: Dialect) -> Source:
    """Return the net of a binary model in a dialect's words; blobs are not read.

    Raises InputError for a file that is no caffemodel, or is damaged.
    """
    from google.protobuf import text_format
    from google.protobuf.message import DecodeError

    with mapped(path) as (data, state):
        index = index_model(path, data, state)
        parts = [_bytes(data, found.start, found.end) for found in index.others]
        for layer in index.layers:
            blobs = {blob.field.start for blob in layer.blobs}
            kept = (
                _bytes(data, found.start, found.end)
                for found in layer.fields
                if found.start not in blobs
            )
            parts.append(length_delimited(layer.generation.value, b"".join(kept)))
    message = load_schema(dialect.schema).message_class("NetParameter")()
    try:
        message.ParseFromString(b"".join(parts))
    except DecodeError:
        raise InputError(path, f"holds no net that {dialect.name} reads") from None
    return Source(path, text_format.MessageToString(message, as_utf8=True).encode())


def _bytes(data: Buffer, start: int, end: int) -> bytes:
    return bytes(data[start:end])
