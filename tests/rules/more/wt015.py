"""More of WT015: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample

VALID = (WeightsExample("bvlc", 'layer { name: "c" blobs { shape { dim: 2 } data: [1, 2] } }\n'),)
INVALID = (
    InvalidWeights("nvidia-0.17", "", (None,)),
    InvalidWeights("bvlc", "", (None,), hdf5=True, name="model.caffemodel.h5"),
    InvalidWeights(
        "bvlc",
        "",
        (None,),
        net='layer { name: "c" type: "Convolution" bottom: "x" top: "y" }\n',
    ),
)
