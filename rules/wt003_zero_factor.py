"""A factor of 0, with which the statistics read as 0.

What it does
    Reports a BatchNorm of three blobs whose third is 0, as an error where the target divides by
    it. Where the target does not use the blob, an info: the file is fine here, and empty in a
    Caffe that divides. That is reported only of statistics that are there.

Why it matters
    The third blob is the number of batches that the first two are sums of. With 0, mean and
    variance both count as 0: the layer multiplies by 1/sqrt(eps), about 316, and nothing says
    so. NVIDIA 0.16.1 to 0.16.4 write 0 there, because they never look at it; converters have
    forgotten it; a net that was never trained has it.

Which Caffe
    BVLC, NVIDIA 0.14 with engine CAFFE, and NVIDIA 0.17 from v0.17.1 on for binary files.
    NVIDIA 0.16 does not use the blob, and neither does 0.17 for HDF5 files. The fifth blob of
    0.15 is unused and normally 0.

What to do
    If NVIDIA 0.16 wrote the file, `protolint convert --from nvidia-0.16` gives it a factor of 1.
    A layer whose mean and variance are 0 too was never trained; `protolint recalibrate` gives it
    the statistics of data.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5 to 0.17.4. NVIDIA/caffe#436, Tencent/ncnn#302.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.caffe.registry import writer_of_zero_factor
from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

from ._weights import advice, conversion

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


_UNTRAINED = advice(
    "train the net before it is used; if the layer was folded into the one above, use a net "
    "without it"
)


@weights_rule("WT003", "zero-factor", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    dialect = weights.dialect
    for reading in weights.norms:
        if reading.single != 0:
            continue
        blobs = reading.norm.facts.blobs
        three = len(blobs) == 3
        used = three and weights.divides
        stored = bool(blobs[0].any() or blobs[1].any())
        if not used and not (dialect.has_unused_factor and stored):
            continue
        if used:
            message = (
                f"{titled(reading.name)}: factor is 0; {dialect.name} reads mean and variance as "
                + ("0; give it a factor of 1" if stored else "0, which they are in the file, too")
            )
        else:
            message = (
                f"{titled(reading.name)}: factor is 0, which {dialect.name} does not use; BVLC "
                "Caffe would read mean and variance as 0; convert the file before it does"
            )
        cure = (
            conversion(weights, "--from", writer_of_zero_factor().name) if used and stored else None
        )
        yield Finding(
            reading.layer.span,
            message,
            layer=reading.name,
            severity=Severity.ERROR if used else Severity.INFO,
            fix=cure if cure is not None or stored else _UNTRAINED,
        )


VALID = (
    WeightsExample(
        "bvlc",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 3, 4] }
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
  blobs { shape { dim: 4 } data: [1, 2, 3, 4] }
  blobs { shape { dim: 1 } data: 0 }
}
""",
        ("bn",),
    ),
)
