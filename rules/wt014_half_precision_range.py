"""Values that half precision cannot hold.

What it does
    Where half precision is in use, because a file of NVIDIA Caffe stores it, a layer in it says so,
    or the net does, reports the layers with a value beyond 65504. Sums that were not divided by
    their factor count as they stand.

Why it matters
    65504 is the largest half. A value beyond becomes infinite as soon as the layer computes in
    half precision. A small variance does no harm: eps is 1e-5 at least.

Which Caffe
    NVIDIA 0.16 and later. The others compute in single precision.

What to do
    `protolint convert` divides sums by their factor. Else keep the layer in FLOAT:
    `forward_type: FLOAT` and the like.

Evidence
    NVIDIA/caffe#401, NVIDIA/caffe#490, pytorch/pytorch#88474. Not run: there is no CPU path for it.
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


_LARGEST = 65504.0
#: forward_type and backward_type in LayerParameter, and FLOAT16 (caffe.proto @ v0.16.1).
_TYPE_FIELDS, _FLOAT16 = (145, 146), 2


@weights_rule(
    "WT014", "half-precision-range", Severity.WARNING, where=lambda caffe: caffe.computes_halves
)
def check(weights: Weights) -> Iterator[Finding]:
    readings = {reading.name: reading for reading in weights.norms}
    # Not where OpenCV has made halves of a few layers: those are of another Caffe.
    stored = weights.file.marks.raw_data is not None
    for position, scans in enumerate(weights.scans):
        layer = weights.file.layers[position]
        halves = stored and any(scan.half for scan in scans)
        if not (weights.writes_half or halves or _computes_half(weights, position)):
            continue
        reading = readings.get(layer.name)
        large = [i for i, scan in enumerate(scans) if scan.largest > _LARGEST]
        if not large:
            continue
        sums = reading is not None and is_sums(reading)
        first = large[0]
        yield Finding(
            weights.span_of(position, first),
            f"{titled(layer.name)}: values leave half precision (blob {first} goes up to "
            f"{scans[first].largest:.6g}, the largest half is 65504); "
            + ("divide by the factor" if sums else "keep the layer in single precision"),
            layer=layer.name,
            fix=conversion(weights) if sums else None,
        )


def _computes_half(weights: Weights, position: int) -> bool:
    """Whether the layer says in the file that it computes in half precision."""
    entry = weights.entry(position)
    return entry is not None and any(
        found.number in _TYPE_FIELDS and found.wire_type == 0 and found.number_value == _FLOAT16
        for found in entry.fields
    )


_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [%s, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
"""
_HALF = "forward_type: FLOAT16"
VALID = (WeightsExample("nvidia-0.17", _BN % (_HALF, "65504")),)
INVALID = (InvalidWeights("nvidia-0.17", _BN % (_HALF, "1e6"), ("bn",)),)
