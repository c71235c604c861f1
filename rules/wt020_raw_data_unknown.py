"""Values stored in a field that the target does not know.

What it does
    Reports a file with a blob whose values are in `raw_data` alone, which NVIDIA 0.16 and later
    write by default. Once for the file, at the first such blob.

Why it matters
    BVLC and older NVIDIA releases do not know the field. The blob looks empty and loading
    aborts: `Check failed: count_ == proto.data_size() (216 vs. 0)`, which does not name the layer.

Which Caffe
    BVLC, NVIDIA 0.14 and 0.15.

What to do
    `protolint convert` writes `data`. The next time save with `store_blobs_in_old_format: true`
    (v0.16.3 and later), or as HDF5.

Evidence
    Seen in BVLC master, NVIDIA 0.14.5 and 0.15.14 with a file of 0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

from ._weights import conversion

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule(
    "WT020",
    "raw-data-unknown",
    Severity.ERROR,
    where=lambda caffe: not caffe.loading.reads_raw_data,
)
def check(weights: Weights) -> Iterator[Finding]:
    for position, layer in enumerate(weights.file.layers):
        entry = weights.entry(position)
        for blob in () if entry is None else entry.blobs:
            if blob.storage.value == "raw_data":
                yield Finding(
                    blob.field,
                    f"the values are stored as raw_data (from {titled(layer.name)} on), which "
                    f"{weights.dialect.name} does not read; convert the file",
                    fix=conversion(weights),
                )
                return


_CONV = 'layer { name: "c" blobs { shape { dim: 1 } %s } }\n'
_RAW = 'raw_data_type: FLOAT raw_data: "\\000\\000\\200\\077"'
VALID = (WeightsExample("bvlc", _CONV % f"data: 1 {_RAW}"),)
INVALID = (InvalidWeights("bvlc", _CONV % _RAW, (None,)),)
