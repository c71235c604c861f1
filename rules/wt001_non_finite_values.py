"""NaN or infinite values in a blob.

What it does
    Reports each layer that has a NaN or an infinity in a blob, with how many there are, in which
    blob, and where the first one is. All values of the file are looked at, in every form that
    a Caffe stores them in.

Why it matters
    Every Caffe loads such a file without a message. A NaN makes its channel NaN, and all that is
    computed from it; an infinite variance makes its channel constant. What trains from the file
    is lost after one step.

Which Caffe
    All.

What to do
    Take an earlier snapshot. The values do not show what they were.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5, 0.15.14, 0.16.6, 0.17.4: a NaN in a mean, an infinity
    in a variance. pytorch/pytorch#1206, pytorch/pytorch#88474, Tencent/ncnn#633.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import counted, titled

from ._weights import advice, shape

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("WT001", "non-finite-values", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    for position, scans in enumerate(weights.scans):
        bad = [i for i, scan in enumerate(scans) if scan.non_finite]
        if not bad:
            continue
        layer = weights.file.layers[position]
        total = sum(scans[i].non_finite for i in bad)
        first = scans[bad[0]].first or 0
        blobs = " and ".join(f"blob {i} of shape {shape(layer.shapes[i])}" for i in bad)
        kinds = [
            counted(number, noun, nouns)
            for number, noun, nouns in (
                (sum(scans[i].nans for i in bad), "NaN", "NaNs"),
                (sum(scans[i].infinities for i in bad), "infinity", "infinities"),
            )
            if number
        ]
        yield Finding(
            weights.span_of(position, bad[0]) if len(bad) == 1 else layer.span,
            f"{titled(layer.name)}: {counted(total, 'NaN or infinite value')} in {blobs} "
            f"({', '.join(kinds)}, the first at {_place(first, layer.shapes[bad[0]])}); take an "
            "earlier snapshot",
            layer=layer.name,
            fix=advice("take a snapshot from before the values were lost"),
        )


def _place(flat: int, dims: tuple[int, ...]) -> str:
    """Where a value lies in a blob, by the index of each axis."""
    found: list[int] = []
    for dim in reversed(dims):
        flat, index = divmod(flat, dim)
        found.insert(0, index)
    return f"[{', '.join(map(str, found))}]"


_CONV = """\
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  blobs { shape { dim: [2, 1, 1, 2] } data: [0.5, -0.25, %s, 1.5] }
  blobs { shape { dim: 2 } data: [0, %s] }
}
"""
VALID = (WeightsExample("bvlc", _CONV % ("3e38", "1e-45")),)
INVALID = (InvalidWeights("bvlc", _CONV % ("nan", "0"), ("conv1",)),)
