"""Statistics that jump from one snapshot of a net to the next.

What it does
    Compares the variances of each BatchNorm in two snapshots of one net, after the factors are
    divided out. Reports where the median channel moved by more than a factor of 4, more than 5 %
    of the channels by more than 100, or a channel fell to nearly 0. `protolint stats` does it
    for `protolint stats net_iter_*.caffemodel`; `protolint check` looks at each file alone and
    never does.

Why it matters
    In a training that goes well the statistics settle. A jump shows where and when it came
    apart, also while the loss in batch mode looks fine.

Which Caffe
    All. Nothing is reported of a first snapshot whose statistics are too young (WT011).

What to do
    Go back to the snapshot before, with a smaller learning rate. Weights alone do not show every
    gap between training and test: run the net in both modes.

Evidence
    The thread "Batch norm instability" (discuss.pytorch.org, topic 32159), snapshots of epochs
    300, 700 and 1015. The limits are proposals, not measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, snapshots_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@snapshots_rule("WT012", "snapshot-drift", Severity.WARNING)
def check(_: Weights) -> Iterator[Finding]:
    return iter(())


_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [%s] }
  blobs { shape { dim: 1 } data: %s }
}
"""
VALID = (
    WeightsExample(
        "bvlc",
        _BN % ("1, 2", "1"),
        name="net_iter_1000.caffemodel",
        others={"net_iter_2000.caffemodel": _BN % ("1.5, 1.8", "1")},
    ),
)
INVALID = (
    InvalidWeights(
        "bvlc",
        _BN % ("1, 2", "1"),
        ("bn",),
        name="net_iter_1000.caffemodel",
        others={"net_iter_2000.caffemodel": _BN % ("40, 90", "1")},
    ),
)
