"""HDF5 weights that NVIDIA Caffe does not adapt as it would a binary file.

What it does
    Reports a BatchNorm of an HDF5 file that needs what only the reader of binary files does:
    three blobs whose factor is neither 0 nor 1 (0.17), and five blobs in the order of 0.15, the
    last of one value (0.16 and 0.17).

Why it matters
    Sums are used as mean and variance, and in the order of 0.15 gamma becomes the mean and beta
    the variance. There is no message.

Which Caffe
    NVIDIA 0.17 for the factor; NVIDIA 0.16 and later for the order. The factor on 0.16 is WT009.

What to do
    `protolint convert` divides and reorders. It needs the net's prototxt beside an HDF5 file.

Evidence
    Seen in NVIDIA 0.16.6 and 0.17.4: three blobs with a factor of 100, five in the order of 0.15.
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
    "WT019", "hdf5-not-adapted", Severity.ERROR, where=lambda caffe: caffe.loading.reorders
)
def check(weights: Weights) -> Iterator[Finding]:
    if not weights.file.hdf5:
        return
    for reading in weights.norms:
        divides = weights.dialect.loading.divides and is_sums(reading)
        if not divides and not reading.in_old_order:
            continue
        what = "divide" if divides else "reorder"
        yield Finding(
            reading.layer.span,
            f"{titled(reading.name)}: {weights.dialect.name} does not {what} weights read from "
            "HDF5; convert the file first",
            layer=reading.name,
            fix=conversion(weights),
        )


VALID = (
    WeightsExample(
        "nvidia-0.17",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [10, 20] }
  blobs { shape { dim: 2 } data: [100, 200] }
  blobs { shape { dim: 1 } data: 1 }
}
""",
        name="model.caffemodel.h5",
        hdf5=True,
    ),
)
INVALID = (
    InvalidWeights(
        "nvidia-0.17",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [10, 20] }
  blobs { shape { dim: 2 } data: [100, 200] }
  blobs { shape { dim: 1 } data: 100 }
}
""",
        ("bn",),
        name="model.caffemodel.h5",
        hdf5=True,
    ),
)
