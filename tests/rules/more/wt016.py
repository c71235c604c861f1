"""More of WT016: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample

_CONV = 'layer { name: "c" blobs { shape { dim: 2 } data: [1, 2] } }\n'


VALID = (WeightsExample("nvidia-0.17", _CONV, hdf5=True, name="model.caffemodel.h5"),)

INVALID = (InvalidWeights("nvidia-0.14", _CONV, (None,), hdf5=True, name="model.hdf5"),)
