"""A training that starts from weights in the order of NVIDIA 0.15.

What it does
    Reports each BatchNorm of five blobs in the order of 0.15, the last of one value, where the
    net is one for training, or a solver's, and its BatchNorm has gamma and beta. Needs the net.

Why it matters
    Loading puts the values into their new places, but the solver holds the blobs by their old
    ones: it freezes gamma and beta, which never move again, and lets weight decay shrink the
    variance. There is no message, and the net seems to train.

Which Caffe
    NVIDIA 0.16 and later, binary files. A deploy net computes rightly with them.

What to do
    `protolint convert`, or load the file and save it once before the training.

Evidence
    Seen in NVIDIA 0.16.6 and 0.17.4, with and without weight decay; a file that was saved once
    trains as it should.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

from ._weights import conversion, in_net

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule(
    "WT018", "legacy-order-finetune", Severity.ERROR, where=lambda caffe: caffe.loading.reorders
)
def check(weights: Weights) -> Iterator[Finding]:
    if not weights.trains or weights.file.hdf5:
        return
    for reading in weights.norms:
        wanted = weights.wanted.get(reading.name)
        fits = wanted is not None and len(wanted.parameters or ()) == len(reading.sizes)
        if reading.in_old_order and fits:
            yield Finding(
                reading.layer.span,
                f"{titled(reading.name)}: blobs in 0.15 order; {weights.dialect.name} would train "
                "with frozen gamma and beta and a decaying variance; convert first",
                layer=reading.name,
                related=in_net(weights, reading.name, "learns gamma and beta"),
                fix=conversion(weights),
            )


VALID = (
    WeightsExample(
        "nvidia-0.17",
        """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [1.5, 1.5] }
  blobs { shape { dim: 2 } data: [0.25, 0.25] }
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 0 }
}
""",
        net="""\
layer { name: "data" type: "Data" top: "x"  }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
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
  blobs { shape { dim: 2 } data: [1.5, 1.5] }
  blobs { shape { dim: 2 } data: [0.25, 0.25] }
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 0 }
}
""",
        ("bn",),
        net="""\
layer { name: "data" type: "Data" top: "x"  }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param { scale_bias: true }
}
""",
    ),
)
