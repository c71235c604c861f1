"""Statistics that were never collected, or over few batches only.

What it does
    Reports a BatchNorm whose mean and variance are all 0 (an error), and one whose statistics
    cover fewer than 10 batches, as far as the factor shows (a warning). Where layers have
    factors of different numbers of batches, the first that is not as most are gets an
    info.

Why it matters
    With all 0 the layer gives x / sqrt(eps), 316 times the input at an eps of 1e-5: the net was
    saved before it was trained, or its statistics were lost on the way. A running average of a
    few batches is as noisy as those batches. Different factors come from layers that were
    frozen for a while, or from files put together.

Which Caffe
    All for statistics of 0. The factor is an age in files of BVLC and of NVIDIA 0.14 with
    engine CAFFE; one of 1 shows nothing, because converters write it too. `few-batches` in the
    configuration is the limit.

What to do
    Run the training net some hundred steps with a learning rate of 0 before the net is used, or
    estimate the statistics from data: `protolint recalibrate`.

Evidence
    All 0 seen in BVLC master and NVIDIA 0.14.5 to 0.17.4. chainer/chainer#1522, Tencent/ncnn#302,
    BVLC/caffe#3229. How many batches are few is a proposal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import and_more, counted, titled

from ._weights import advice, is_sums

if TYPE_CHECKING:
    from protolint.lint.weights import NormReading, Weights


#: Factors that are this close show the same number of batches.
_CLOSE = 1e-3


@weights_rule("WT011", "untrained-statistics", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    aged: list[NormReading] = []
    for reading in weights.norms:
        numbers = reading.numbers
        if not numbers.channels:
            continue
        passes = numbers.age.passes
        name = titled(reading.name)
        if not numbers.mean.any() and not numbers.variance.any():
            yield Finding(
                reading.layer.span,
                f"{name}: statistics are all zero; train the net, or take other weights",
                layer=reading.name,
                fix=advice("collect statistics: some hundred TRAIN passes, lr 0"),
            )
        elif passes is not None and passes < weights.thresholds.few_batches:
            yield Finding(
                reading.layer.span,
                f"{name}: statistics cover about {counted(passes, 'batch', 'batches')}"
                f"{_factor(reading)}; train on before they are used",
                layer=reading.name,
                severity=Severity.WARNING,
            )
        elif is_sums(reading) or (len(reading.sizes) == 3 and reading.single == 1):
            aged.append(reading)
    yield from _apart(aged)


def _factor(reading: NormReading) -> str:
    return "" if reading.single is None else f" (factor {reading.single:.6g})"


def _apart(aged: list[NormReading]) -> Iterator[Finding]:
    """Yield the first layer whose factor is not as that of most with the same moving average."""
    for fraction in dict.fromkeys(r.norm.facts.fraction for r in aged):
        alike = [r for r in aged if r.norm.facts.fraction == fraction]
        usual, many = Counter(r.single or 0.0 for r in alike).most_common(1)[0]
        others = [r for r in alike if abs((r.single or 0.0) - usual) > _CLOSE * usual]
        if not others:
            continue
        where = f"other layers have {usual:.6g}" if many > 1 else "others have others"
        yield Finding(
            others[0].layer.span,
            f"{titled(others[0].name)}{and_more(len(others) - 1)}: factor {others[0].single:.6g} "
            f"where {where}: the layers were trained on different numbers of batches",
            layer=others[0].name,
            severity=Severity.INFO,
        )


_BN = """\
layer {
  name: "%s" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [%s] }
  blobs { shape { dim: 2 } data: [%s] }
  blobs { shape { dim: 1 } data: %s }
}
"""


VALID = (WeightsExample("nvidia-0.17", _BN % ("bn", "0, 0", "1, 1", "1")),)
INVALID = (InvalidWeights("nvidia-0.17", _BN % ("bn", "0, 0", "0, 0", "1"), ("bn",)),)
