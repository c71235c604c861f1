"""Five blobs whose order the file does not show.

What it does
    Reports a BatchNorm of five blobs that fits more than one order: one channel, so that every
    blob has one value; the sizes C, C, 1, C, C in four axes, as the cuDNN layer of NVIDIA 0.14
    writes gamma, beta, an unused blob, mean, variance; or the same sizes with a third blob that
    is neither 0 nor 1, as Intel's Caffe keeps sums and a factor. Of the values of such a
    layer only what WT001 finds is reported.

Why it matters
    NVIDIA 0.16 and later recognise the order of 0.15 by its last blob having one value, and take
    everything else for their own order. So gamma is taken for the mean and beta for the
    variance, sums are not divided, and a BatchNorm of one channel is scrambled, all without a
    message.

Which Caffe
    All; four axes are as they should be for NVIDIA 0.14. The order of 0.15 (last blob of one
    value) and that of 0.16 (one axis, third blob 0 or 1) are recognised.

What to do
    Say who wrote the file: `protolint convert --from nvidia-0.14 --to ...`, or `--from intel`.

Evidence
    Net::CopyTrainedLayersFrom in net.cpp @ v0.16.1 to v0.17.4; seen in 0.16.6 and 0.17.4.
    NVIDIA/caffe#307, intel/caffe#120, amirgholami/SqueezeNext#5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

from ._weights import advice

if TYPE_CHECKING:
    from protolint.lint.weights import NormReading, Weights


@weights_rule("WT010", "ambiguous-five-blob-layout", Severity.WARNING)
def check(weights: Weights) -> Iterator[Finding]:
    for reading in weights.norms:
        why = _why(weights, reading)
        if why:
            yield Finding(
                reading.layer.span,
                f"{titled(reading.name)}: five blobs in an unclear order ({why}); say where the "
                "file comes from",
                layer=reading.name,
                fix=advice("protolint convert --from WRITER --to ... reads the order of WRITER"),
            )


def _why(weights: Weights, reading: NormReading) -> str:
    """Return what makes the order unclear, or nothing."""
    sizes = reading.sizes
    layout, dialect = reading.norm.detection.layout, weights.dialect
    roles = () if layout is None else tuple(role.value for role in layout.roles)
    if len(sizes) != 5:
        return ""
    if max(sizes) == 1:
        own = any(roles == kind.affine_blobs for kind in dialect.kinds)
        return "" if own else "one channel fits every order"
    if sizes[2] != 1 or sizes.count(1) != 1:
        return ""
    if reading.single not in (0.0, 1.0):
        if any(kind.sums and kind.affine_blobs for kind in dialect.kinds):
            return ""
        return f"a third blob of {reading.single:.6g} makes the first two sums, as Intel's"
    reserved_third = any(kind.affine_blobs[2:3] == ("reserved",) for kind in dialect.kinds)
    if reading.wide and roles[:1] != ("mean",) and not reserved_third:
        return "four axes, as the cuDNN layer of NVIDIA 0.14 writes gamma first"
    return ""


VALID = (
    WeightsExample(
        "nvidia-0.17",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 0 }
  blobs { shape { dim: 2 } data: [3, 4] }
  blobs { shape { dim: 2 } data: [5, 6] }
}
""",
    ),
)
INVALID = (
    InvalidWeights(
        "nvidia-0.17",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: [1, 2, 1, 1] } data: [0.1, 0.2] }
  blobs { shape { dim: [1, 2, 1, 1] } data: [1, 2] }
  blobs { shape { dim: [1, 1, 1, 1] } data: 0 }
  blobs { shape { dim: [1, 2, 1, 1] } data: [3, 4] }
  blobs { shape { dim: [1, 2, 1, 1] } data: [5, 6] }
}
""",
        ("bn",),
    ),
)
