"""The messages of a weight file as the protobuf library knows them, for comparison."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STRING, BYTES, MESSAGE, ENUM = 9, 12, 11, 14
FLOAT, DOUBLE, INT32, INT64, BOOL = 2, 1, 5, 3, 8

# message -> field -> (number, type, repeated, packed); a type that is a word is a message.
MESSAGES: dict[str, dict[str, tuple[int, int | str, bool, bool]]] = {
    "BlobShape": {"dim": (1, INT64, True, True)},
    "BlobProto": {
        "num": (1, INT32, False, False),
        "channels": (2, INT32, False, False),
        "height": (3, INT32, False, False),
        "width": (4, INT32, False, False),
        "data": (5, FLOAT, True, True),
        "diff": (6, FLOAT, True, True),
        "shape": (7, "BlobShape", False, False),
        "double_data": (8, DOUBLE, True, True),
        "raw_data_type": (10, INT32, False, False),
        "raw_data": (12, BYTES, False, False),
    },
    "ParamSpec": {"lr_mult": (3, FLOAT, False, False), "decay_mult": (4, FLOAT, False, False)},
    "BatchNormParameter": {"eps": (3, FLOAT, False, False), "scale_bias": (7, BOOL, False, False)},
    "NetStateRule": {"phase": (1, INT32, False, False), "stage": (4, STRING, True, False)},
    "LayerParameter": {
        "name": (1, STRING, False, False),
        "type": (2, STRING, False, False),
        "bottom": (3, STRING, True, False),
        "top": (4, STRING, True, False),
        "param": (6, "ParamSpec", True, False),
        "blobs": (7, "BlobProto", True, False),
        "include": (8, "NetStateRule", True, False),
        "exclude": (9, "NetStateRule", True, False),
        "phase": (10, INT32, False, False),
        "batch_norm_param": (139, "BatchNormParameter", False, False),
        "forward_type": (145, INT32, False, False),
    },
    "V0LayerParameter": {
        "name": (1, STRING, False, False),
        "type": (2, STRING, False, False),
        "num_output": (3, INT32, False, False),
        "blobs": (50, "BlobProto", True, False),
    },
    "V1LayerParameter": {
        "layer": (1, "V0LayerParameter", False, False),
        "bottom": (2, STRING, True, False),
        "top": (3, STRING, True, False),
        "name": (4, STRING, False, False),
        "type": (5, INT32, False, False),
        "blobs": (6, "BlobProto", True, False),
        "blobs_lr": (7, FLOAT, True, False),
        "include": (32, "NetStateRule", True, False),
    },
    "NetParameter": {
        "name": (1, STRING, False, False),
        "layers": (2, "V1LayerParameter", True, False),
        "input": (3, STRING, True, False),
        "input_dim": (4, INT32, True, False),
        "debug_info": (7, BOOL, False, False),
        "layer": (100, "LayerParameter", True, False),
    },
    # The same fields as BlobProto, written one by one as the oldest writers may have.
    "UnpackedBlob": {
        "data": (5, FLOAT, True, False),
        "diff": (6, FLOAT, True, False),
        "shape": (7, "UnpackedShape", False, False),
        "double_data": (8, DOUBLE, True, False),
    },
    "UnpackedShape": {"dim": (1, INT64, True, False)},
}


@pytest.fixture(scope="session")
def caffe() -> Any:
    """The message classes, in a private pool."""
    file = descriptor_pb2.FileDescriptorProto(name="weights.proto", package="w", syntax="proto2")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated, packed) in fields.items():
            added = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if isinstance(kind, str):
                added.type, added.type_name = MESSAGE, f".w.{kind}"
            else:
                added.type = kind
            if packed:
                added.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"w.{name}"))
        for name in MESSAGES
    }
    return SimpleNamespace(**classes)
