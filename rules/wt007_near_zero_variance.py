"""A variance so small that eps alone sets the gain.

What it does
    Reports a BatchNorm with a variance from 0 to 1e-10, after its factor is divided out: how
    many channels, which, how many of them are denormal (under 1.18e-38) or exactly 0, and the
    lowest; as advice where gamma is so near 0 that their gain is not above that of most others.
    Negative ones are WT002.

Why it matters
    The channel's input did not vary when the statistics were collected: a filter that died, a
    ReLU that is never open, a plane of padding. It is multiplied by gamma / sqrt(eps), 316 times
    gamma at an eps of 1e-5, so that the slightest deviation at test time is blown up, and a
    training that works in batch mode explodes in test mode.

Which Caffe
    All. `near-zero-variance` in the configuration is the limit.

What to do
    Look whether the channels matter: where gamma is near 0 as well, they do not. A larger eps
    tames them; a constant input plane is a matter of the data. `protolint stats --data` shows
    whether data have such a variance, and `protolint recalibrate` estimates it again.

Evidence
    The thread "Batch norm instability" (discuss.pytorch.org, topic 32159): 4.8e-34 and 5.6e-45 in
    the last block. FasterAI-Labs/fasterai#82, facebookresearch/detectron2#3160. Seen in all five
    frameworks: with 1e-34 the gain is that of eps alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import counted, titled

from ._weights import channels

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("WT007", "near-zero-variance", Severity.WARNING)
def check(weights: Weights) -> Iterator[Finding]:
    limit = weights.thresholds.near_zero_variance
    for reading in weights.norms:
        numbers = reading.numbers
        found = ((numbers.variance >= 0) & (numbers.variance < limit)).nonzero()[0].tolist()
        if not found:
            continue
        denormal = int(numbers.denormal[found].sum())
        zero = int((numbers.variance[found] == 0).sum())
        lowest = float(numbers.variance[found].min())
        gain = float(abs(numbers.gain[found]).max())
        effect = "; gain there is set by eps alone" if limit <= numbers.eps else ""
        effect += f", up to {gain:.3g}" if effect and not numbers.scale_unknown else ""
        others = sorted(abs(numbers.gain[numbers.variance >= limit]).tolist())
        usual = others[len(others) // 2] if others else 0.0
        harmless = gain <= usual and not numbers.scale_unknown
        yield Finding(
            reading.layer.span,
            f"{titled(reading.name)}: variance below {limit:g} in "
            f"{counted(len(found), 'channel')} ({denormal} denormal, {zero} zero, lowest "
            f"{lowest:.3g}): {channels(found)}{effect}",
            layer=reading.name,
            severity=Severity.INFO if harmless else None,
        )


_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [%s] }
  blobs { shape { dim: 1 } data: %s }
}
"""
VALID = (WeightsExample("bvlc", _BN % ("1, 2, 1e-9, 4", "1")),)
INVALID = (InvalidWeights("bvlc", _BN % ("1, 2, 5.6e-45, 0", "1"), ("bn",)),)
