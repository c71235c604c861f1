"""More of WT021: examples beside those that its page shows."""

from __future__ import annotations

from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.rules.wt021_scale_weights_dropped import _FILE, _NET

_SCALE = 'layer { name: "%s" type: "Scale" bottom: "y" top: "y" scale_param { bias_term: true } }\n'

_FIVE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
  blobs { shape { dim: 2 } data: [1, 1] }
  blobs { shape { dim: 2 } data: [0, 0] }
}
"""

_BLOB = " blobs { shape { dim: 2 } data: [1, 1] }"

_OTHER = 'layer { name: "gamma" type: "Scale"%s }\n' % (_BLOB * 2)

VALID = (
    WeightsExample("bvlc", _FILE % "1.5", net=_NET + _SCALE % "scale"),
    WeightsExample("bvlc", _FILE % "1.5", net=_NET + _SCALE % "gamma_beta"),
    WeightsExample("bvlc", _FILE % "1.5"),
    WeightsExample("bvlc", _FILE % "1.5", net=_NET + _SCALE % "gamma"),
    WeightsExample(
        "bvlc",
        (_FILE % "1.5")
        .replace("{ dim: 2 } data: [1.5, 1]", "{ dim: 1 } data: 1.5")
        .replace("{ dim: 2 } data: [0, 0]", "{ dim: 1 } data: 0"),
        net=_NET,
    ),
    WeightsExample(
        "bvlc",
        (_FILE % "1.5").partition("  blobs { shape { dim: 2 } data: [1.5")[0] + "}\n",
        net=_NET,
    ),
)
INVALID = (
    InvalidWeights(
        "nvidia-0.17",
        _FIVE + "layer {" + (_FILE % "1.5").rpartition("layer {")[2],
        ("bn",),
        net=_NET.replace('top: "y" }', 'top: "y" batch_norm_param { scale_bias: true } }'),
    ),
    InvalidWeights("bvlc", (_FILE % "1").replace("[0, 0]", "[0, 0.5]"), ("bn",), net=_NET),
    InvalidWeights(
        "bvlc",
        (_FILE % "1.5").replace(' bottom: "x" top: "y"', "").replace(' bottom: "y" top: "y"', ""),
        ("bn",),
        net=_NET,
    ),
    InvalidWeights("bvlc", _FILE % "1.5" + _OTHER, ("bn",), net=_NET + _SCALE % "gamma"),
)
