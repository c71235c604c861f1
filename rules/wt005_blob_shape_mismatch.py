"""A blob of another shape in the file than in the net.

What it does
    Compares the shape of each blob of a layer with the one that the target creates, where the
    number of blobs is equal, as that Caffe compares them. Where it compares nothing, only the
    number of channels of a BatchNorm is looked at. Needs the net.

Why it matters
    Loading aborts: `Cannot copy param 0 weights from layer 'bn'; shape mismatch.` The cuDNN layer
    of NVIDIA 0.15 writes 1xCx1x1 where the CAFFE engine has C. NVIDIA 0.16 and later take the
    shape of the file for a BatchNorm instead: then weights of another number of channels load
    without a message, and the layer computes with them.

Which Caffe
    All. Shapes of a BatchNorm are not compared by 0.16 for five blobs, by 0.17 (from v0.17.1 on)
    for any number, and by both for HDF5 files. The old four numbers `num channels height width`
    are compared from the end, missing axes counting as 1.

What to do
    `protolint convert` writes the shapes of the target. Another number of channels means that net
    and weights are not of one model.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5 to 0.17.4. NVIDIA/caffe#307, NVIDIA/DIGITS#1590,
    KaimingHe/deep-residual-networks#62.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import titled

from ._weights import conversion, in_net, needs_no_cudnn, shape

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


_OWN_NET = "take the model's own net, or rename the layer in the net to train it from the start"


@weights_rule("WT005", "blob-shape-mismatch", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    for gap in weights.gaps:
        if gap.kind not in ("shape", "reshaped", "channels"):
            continue
        layer = weights.file.layers[gap.position]
        cure, fix = _OWN_NET, None
        if gap.layout:
            cure, fix = "run protolint convert", conversion(weights)
            if needs_no_cudnn(weights, layer):
                cure += ", or say --without-cudnn if that is how it was built"
        elif gap.kind == "reshaped":
            cure, fix = "as many values in the same order; reshape them", conversion(weights)
        silent = " and says nothing" if gap.kind == "channels" else ""
        yield Finding(
            weights.span_of(gap.position, gap.blob),
            f"{titled(layer.name)}: blob {gap.blob} has shape {shape(layer.shapes[gap.blob])}, "
            f"{weights.dialect.name} expects {shape(gap.needs)}{silent}; {cure}",
            layer=layer.name,
            related=in_net(weights, layer.name, "this layer"),
            fix=fix,
        )


_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s }
"""
_THREE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { %s data: [0.1, 0.2%s] }
  blobs { %s data: [1, 2%s] }
  blobs { shape { dim: 1 } data: 1 }
}
"""
_FLAT, _WIDE = "shape { dim: 2 }", "shape { dim: [1, 2, 1, 1] }"
VALID = (WeightsExample("bvlc", _THREE % (_FLAT, "", _FLAT, ""), net=_NET % ""),)
INVALID = (InvalidWeights("bvlc", _THREE % (_WIDE, "", _WIDE, ""), ("bn",), net=_NET % ""),)
