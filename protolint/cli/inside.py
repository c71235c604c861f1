"""Weights in place of a prototxt: a caffemodel carries the net that was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protolint.caffe.dialect import Dialect
from protolint.errors import InputError

if TYPE_CHECKING:
    from protolint.weights.index import ModelIndex

__all__ = ["carrier"]


def carrier(path: str) -> tuple[ModelIndex, Dialect]:
    """Return the index of a model that may carry a net, and the Caffe that wrote it."""
    from protolint.batchnorm.reading import read_weights
    from protolint.batchnorm.writer import writer_of

    weights = read_weights(path)
    if weights.index is None:
        raise InputError(path, "an HDF5 model, which holds no net; give its prototxt")
    return weights.index, writer_of(weights.norms, weights.marks).dialect
