"""A binary caffemodel under a name that ends in `.h5`.

What it does
    Looks at the first bytes of the file and at its name.

Why it matters
    NVIDIA Caffe opens a file of that name as HDF5, and aborts: `Couldn't open model.h5`.

Which Caffe
    Every NVIDIA release. BVLC from 1.0 on looks at the content.

What to do
    Rename the file to `*.caffemodel`.

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
    "WT017",
    "caffemodel-under-h5-name",
    Severity.ERROR,
    where=lambda caffe: not caffe.loading.hdf5_by_content,
)
def check(weights: Weights) -> Iterator[Finding]:
    if not weights.file.hdf5 and weights.path.endswith(".h5"):
        yield Finding(
            Span(0, weights.source.size),
            f"protobuf content in a file called .h5: {weights.dialect.name} cannot open it; "
            "rename the file",
            fix=advice("rename the file to *.caffemodel"),
        )


VALID = (
    WeightsExample(
        "nvidia-0.17",
        'layer { name: "c" blobs { shape { dim: 2 } data: [1, 2] } }\n',
        name="model.caffemodel.h5",
        hdf5=True,
    ),
)
INVALID = (
    InvalidWeights(
        "nvidia-0.17",
        'layer { name: "c" blobs { shape { dim: 2 } data: [1, 2] } }\n',
        (None,),
        name="model.caffemodel.h5",
    ),
)
