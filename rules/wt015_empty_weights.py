"""A file without any weights, which loads all the same.

What it does
    Reports a weight file in which no layer has a blob: an empty file, one of zero bytes only, or
    one that holds only names.

Why it matters
    Loading it succeeds and changes nothing: the net runs with what its fillers gave it. The file
    is what a full disk or a broken download leaves behind.

Which Caffe
    All.

What to do
    Fetch the file again, or take another snapshot.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5 to 0.17.4: no message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.source import Span

from ._weights import advice

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("WT015", "empty-weights", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    if weights.with_blobs:
        return
    if weights.net is not None and not any(w.parameters for w in weights.wanted.values()):
        return
    yield Finding(
        Span(0, weights.source.size),
        "the file holds no weights; loading it changes nothing",
        fix=advice("fetch the file again, or take another snapshot"),
    )


VALID = (WeightsExample("bvlc", "", net='layer { name: "r" type: "ReLU" bottom: "x" top: "y" }\n'),)
INVALID = (InvalidWeights("bvlc", 'name: "net"\nlayer { name: "data" type: "Data" }\n', (None,)),)
