"""More of WT020: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt020_raw_data_unknown import _CONV

VALID = (WeightsExample("bvlc", _CONV % "data: 1"),)

INVALID = (
    InvalidWeights(
        "nvidia-0.15",
        _CONV % 'raw_data_type: FLOAT16 raw_data: "\\000\\074"',
        (None,),
    ),
)
