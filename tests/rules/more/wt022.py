"""More of WT022: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt022_trained_otherwise import _EPS, _FILE, _NET, _NORM, _RELU

VALID = (
    WeightsExample("bvlc", _FILE % "", net=_NET + _NORM % _EPS),
    WeightsExample("bvlc", _FILE % "eps: 0.001", net=_NET),
    WeightsExample("nvidia-0.17", _FILE % "eps: 0.000001", net=_NET + _NORM % ""),
    WeightsExample(
        "bvlc",
        _FILE % "",
        net=_NET.replace("num_output", "bias_term: false num_output") + _RELU,
    ),
)

INVALID = (
    InvalidWeights("bvlc", _FILE % "eps: 0.00001", ("bn",), net=_NET + _NORM % _EPS),
    InvalidWeights("bvlc", _FILE % "", ("bn",), net=_NET + _RELU),
)
