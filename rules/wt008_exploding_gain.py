"""A channel whose gain is far above those of its layer.

What it does
    Works out the gain gamma / sqrt(variance + eps) of every channel, with the gamma of the Scale
    behind the BatchNorm where there is one. Reports a layer with a gain over 100 that is also
    over 50 times the layer's median. Channels that WT002 or WT007 reports, and layers of fewer
    than four channels, are left out.

Why it matters
    A channel that is multiplied a hundred times more than its neighbours decides the output of
    the layer, and any error in its statistics with it. It overflows half precision, and it is
    what integer quantisation breaks on.

Which Caffe
    All. `exploding-gain` and `exploding-gain-ratio` in the configuration are the limits.

What to do
    Look at the channel's variance and gamma. In the first BatchNorm behind the data a large gain
    may be right. Whether data have such a variance is shown by `protolint stats --data`;
    `protolint recalibrate` estimates it again.

Evidence
    The thread "Batch norm instability" (discuss.pytorch.org, topic 32159).
    HolmesShuan/ResNet-18-Caffemodel-on-ImageNet#15, LeelaChessZero/lc0#779. The limits are
    proposals, not measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import and_more, titled

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


_LEAST_CHANNELS = 4


@weights_rule("WT008", "exploding-gain", Severity.WARNING)
def check(weights: Weights) -> Iterator[Finding]:
    limits = weights.thresholds
    for reading in weights.norms:
        numbers = reading.numbers
        if numbers.channels < _LEAST_CHANNELS or numbers.scale_unknown:
            continue
        gain, median = abs(numbers.gain), numbers.median_gain
        large = (gain > limits.exploding_gain) & (gain > limits.exploding_gain_ratio * median)
        found = (large & (numbers.variance >= limits.near_zero_variance)).nonzero()[0].tolist()
        if not found:
            continue
        worst = max(found, key=lambda channel: float(gain[channel]))
        more = and_more(len(found) - 1, "channel")
        yield Finding(
            reading.layer.span,
            f"{titled(reading.name)}: gain {float(numbers.gain[worst]):.4g} in channel {worst}"
            f"{more} (median {median:.4g}; variance {float(numbers.variance[worst]):.3g}, gamma "
            f"{float(numbers.gamma[worst]):.3g}); look at that channel",
            layer=reading.name,
        )


VALID = (
    WeightsExample(
        "bvlc",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 1e-3, 4] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
    ),
)
INVALID = (
    InvalidWeights(
        "bvlc",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 1e-6, 4] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
        ("bn",),
    ),
)
