"""Weight files made from what rules show as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from protolint.caffe.descriptors import load_schema

Maker = Callable[..., Path]

_RAW = {0: "<f8", 1: "<f4", 2: "<f2"}


def message(text: str) -> Any:
    """The NetParameter that a text spells, by the official library, in NVIDIA 0.17's schema."""
    net = load_schema("nvidia-0.17").message_class("NetParameter")()
    text_format.Parse(text, net)
    return net


def values(blob: Any) -> np.ndarray[Any, Any]:
    """The values of a BlobProto, in its shape."""
    if blob.HasField("raw_data"):
        found = np.frombuffer(blob.raw_data, _RAW[blob.raw_data_type]).astype(np.float32)
    else:
        found = np.array(blob.double_data or blob.data, np.float32)
    return found.reshape(tuple(blob.shape.dim) or (-1,))


@pytest.fixture
def weights(tmp_path: Path) -> Maker:
    """A function that writes a caffemodel, or an HDF5 model, from text."""

    def make(text: str, name: str = "model.caffemodel", *, hdf5: bool = False) -> Path:
        path = tmp_path / name
        if not hdf5:
            path.write_bytes(message(text).SerializeToString())
            return path
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            data = file.create_group("data")
            for layer in message(text).layer:
                group = data.create_group(layer.name)
                for number, blob in enumerate(layer.blobs):
                    group[str(number)] = values(blob)
        return path

    return make
