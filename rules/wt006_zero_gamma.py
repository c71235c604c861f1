"""A gamma of 0 in many channels of a BatchNorm.

What it does
    Reports a BatchNorm whose gamma, its own or that of the Scale behind it, is 0 in all
    channels (an error) or in more than half of them (a warning). Where the result is only added
    to another blob by an Eltwise, it is an info: residual nets are often begun that way.

Why it matters
    The output is constant in such a channel: beta, whatever the input is. In all channels it
    cuts the net in two. The usual cause is a `scale_filler { }` without a value, which fills
    with 0, and a weight decay that keeps it there.

Which Caffe
    All that have gamma; in BVLC it is in the Scale layer.

What to do
    If the net was pruned on purpose, raise `zero-gamma-share` in the configuration. Else train
    again with `scale_filler { type: "constant" value: 1 }`.

Evidence
    Seen in NVIDIA 0.15.14, 0.16.6 and 0.17.4. NVIDIA/DIGITS#629.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import counted, titled

if TYPE_CHECKING:
    from protolint.lint.weights import NormReading, Weights


@weights_rule("WT006", "zero-gamma", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    for reading in weights.norms:
        numbers = reading.numbers
        if not numbers.affine or not numbers.channels:
            continue
        zeros = int((numbers.gamma == 0).sum())
        every = zeros == numbers.channels
        if zeros <= weights.thresholds.zero_gamma_share * numbers.channels:
            continue
        severity = Severity.ERROR if every else Severity.WARNING
        added = _is_added(weights, reading)
        yield Finding(
            reading.layer.span,
            f"{titled(reading.name)}: gamma is 0 in {zeros} of "
            f"{counted(numbers.channels, 'channel')}; the output is constant there"
            + (", and is added to another blob" if added else ""),
            layer=reading.name,
            severity=Severity.INFO if added else severity,
        )


def _is_added(weights: Weights, reading: NormReading) -> bool:
    """Whether an Eltwise adds the layer's output, or its Scale's, to another blob."""
    name = reading.norm.facts.scale or reading.name
    wanted = weights.wanted.get(name)
    if wanted is not None and weights.net is not None:
        views = weights.net.views_of(wanted.layer)
        return any(r.type == "Eltwise" for view in views for r in view.readers(wanted.layer))
    return _is_added_in_file(weights, name)


def _is_added_in_file(weights: Weights, name: str) -> bool:
    """Return the same from the bottoms and tops in the file, through the Splits that Caffe adds."""
    layers = weights.file.layers
    at = next(i for i, layer in enumerate(layers) if layer.name == name)
    blobs = set(layers[at].tops)
    for later in layers[at + 1 :]:
        if blobs.isdisjoint(later.bottoms):
            continue
        if later.type == "Eltwise":
            return True
        if later.type == "Split":
            blobs |= set(later.tops)
        else:
            blobs -= set(later.tops)
    return False


_BN = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 3, 4] }
  blobs { shape { dim: 1 } data: 1 }
}
layer {
  name: "scale" type: "Scale" bottom: "y" top: "y"
  blobs { shape { dim: 4 } data: [%s] }
  blobs { shape { dim: 4 } data: [0, 0, 0, 0] }
}
"""
VALID = (WeightsExample("bvlc", _BN % "0, 0, 1, 1"),)
INVALID = (InvalidWeights("bvlc", _BN % "0, 0, 0, 0", ("bn",)),)
