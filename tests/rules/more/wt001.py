"""More of WT001: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt001_non_finite_values import _CONV

VALID = (
    WeightsExample("nvidia-0.17", _CONV % ("0", "-0.0"), hdf5=True, name="model.caffemodel.h5"),
)
INVALID = (
    InvalidWeights("nvidia-0.17", _CONV % ("inf", "-inf"), ("conv1",)),
    InvalidWeights("bvlc", _CONV % ("nan", "0"), ("conv1",), hdf5=True, name="model.caffemodel.h5"),
    InvalidWeights(
        "bvlc",
        'layer { name: "c" blobs { shape { dim: 2 } double_data: [1, nan] } }\n',
        ("c",),
    ),
)
