"""A factor that NVIDIA 0.16 does not divide by.

What it does
    Reports a BatchNorm of three blobs whose third is neither 0 nor 1.

Why it matters
    The first two blobs are sums of that many batches, as BVLC keeps them. NVIDIA 0.16 takes
    them for mean and variance as they stand: after a long training they are 999.98 times too
    large, and the output 30 times too small. There is no message.

Which Caffe
    NVIDIA 0.16.1 to 0.16.6, and v0.17.0. From v0.17.1 on a binary file is divided while it is
    loaded; HDF5 is not (WT019). BVLC and 0.14 divide when they run.

What to do
    `protolint convert --to nvidia-0.16` divides mean and variance and writes a factor of 1.

Evidence
    Seen in NVIDIA 0.16.6 with factors of 100 and 1. NVIDIA/caffe#512, NVIDIA/caffe#433,
    mathmanu/caffe-jacinto#31, BVLC/caffe#4885.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

from ._weights import conversion, is_sums

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule(
    "WT009", "factor-ignored-by-target", Severity.ERROR, where=lambda caffe: caffe.ignores_factor
)
def check(weights: Weights) -> Iterator[Finding]:
    for reading in weights.norms:
        if is_sums(reading):
            yield Finding(
                reading.layer.span,
                f"{titled(reading.name)}: factor {reading.single:.6g} is not applied by "
                f"{weights.dialect.name}; statistics are off by that factor; convert the file",
                layer=reading.name,
                fix=conversion(weights),
            )


VALID = (
    WeightsExample(
        "nvidia-0.16",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1000, 2000, 3000, 4000] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
    ),
)
INVALID = (
    InvalidWeights(
        "nvidia-0.16",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1000, 2000, 3000, 4000] }
  blobs { shape { dim: 1 } data: 999.98 }
}
""",
        ("bn",),
    ),
)
