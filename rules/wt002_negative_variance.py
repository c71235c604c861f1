"""A variance below zero.

What it does
    Reports each BatchNorm with a negative variance, after its factor is divided out: how many
    channels, which, and the lowest value beside the eps that is added to it. An error where the
    two together are not above 0, else a warning.

Why it matters
    The layer divides by sqrt(variance + eps). Where that is not above 0 the channel is NaN or
    infinite; where it is just above, the channel is multiplied by hundreds or thousands. No
    Caffe computes a negative variance: it comes from a converter that subtracted an eps, so that
    adding it again gives what the source framework had, or from a damaged file. The value of
    exactly -eps means 0 in the source.

Which Caffe
    All. The eps is that of the net where one is given, else that of the file, and at least the
    least eps of the target.

What to do
    Ask the model's authors which eps it needs and write it into the net. Setting the values to 0
    changes what the layer computes. With data at hand, `protolint recalibrate` estimates the
    statistics again.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5 to 0.17.4 with -9.9999e-06 and -1e-3.
    shicai/MobileNet-Caffe#87, tensorflow/tensorflow#3290.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import counted, titled

from ._weights import advice, channels

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("WT002", "negative-variance", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    for reading in weights.norms:
        numbers = reading.numbers
        negative = (numbers.variance < 0).nonzero()[0].tolist()
        if not negative:
            continue
        lowest = float(numbers.variance[negative].min())
        broken = lowest + numbers.eps <= 0
        yield Finding(
            reading.layer.span,
            f"{titled(reading.name)}: {counted(len(negative), 'negative variance')} (lowest "
            f"{lowest:.6g}, eps {numbers.eps:.6g}) in {channels(negative)}; "
            + (
                "the output is NaN there; run protolint recalibrate"
                if broken
                else "only the eps keeps the output finite; run protolint recalibrate"
            ),
            layer=reading.name,
            severity=Severity.ERROR if broken else Severity.WARNING,
            fix=advice(
                "write an eps above it into the net if one was subtracted when the model was made"
            ),
        )


VALID = (
    WeightsExample(
        "bvlc",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 0, 4] }
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
  blobs { shape { dim: 4 } data: [1, 2, -9.9999e-06, 4] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
        ("bn",),
    ),
)
