"""HDF5 weights under a name that does not end in `.h5`.

What it does
    Looks at the first bytes of the file and at its name.

Why it matters
    NVIDIA Caffe recognises an HDF5 file by its name. Under another one it reads the bytes as a
    caffemodel, finds nothing in them, and goes on with what the fillers gave, without a message.
    `.hdf5` is another name, too.

Which Caffe
    Every NVIDIA release. BVLC from 1.0 on looks at the content.

What to do
    Rename the file so that its name ends in `.h5`.

Evidence
    Seen in NVIDIA 0.14.5 to 0.17.4; BVLC master reads the same file rightly.
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


@weights_rule(
    "WT016",
    "hdf5-under-other-name",
    Severity.ERROR,
    where=lambda caffe: not caffe.loading.hdf5_by_content,
)
def check(weights: Weights) -> Iterator[Finding]:
    if weights.file.hdf5 and not weights.path.endswith(".h5"):
        yield Finding(
            Span(0, weights.source.size),
            f"HDF5 content, but the name does not end in .h5: {weights.dialect.name} loads "
            "nothing; rename the file",
            fix=advice("rename the file so that its name ends in .h5"),
        )


VALID = (
    WeightsExample("nvidia-0.17", 'layer { name: "c" blobs { shape { dim: 2 } data: [1, 2] } }\n'),
)
INVALID = (
    InvalidWeights(
        "nvidia-0.17",
        'layer { name: "c" blobs { shape { dim: 2 } data: [1, 2] } }\n',
        (None,),
        hdf5=True,
    ),
)
