"""A layer with more or fewer blobs in the file than in the net.

What it does
    Compares each layer of the file with the layer of the same name in the net: the number of
    blobs must be the one that the target creates. Needs the net.

Why it matters
    Loading aborts: `Check failed: target_blobs.size() == source_layer.blobs_size() (3 vs. 5)
    Incompatible number of blobs for layer bn`. For a BatchNorm it means that the file comes from
    another Caffe: three blobs in BVLC, five in NVIDIA 0.15, three or five in 0.16 and later.

Which Caffe
    All. A layer that one of the two does not have is left alone here (WT013).

What to do
    `protolint convert` writes the weights for the net's Caffe. Where it is no BatchNorm, net and
    weights are not of one model: a convolution with and without `bias_term`, for example. Where
    one of both is folded and the other is not, that is one finding for all layers.

Evidence
    Seen in BVLC master and NVIDIA 0.14.5 to 0.17.4. NVIDIA/caffe#194, NVIDIA/caffe#394,
    NVIDIA/DIGITS#1648, #1963, BVLC/caffe#5883, yahoo/open_nsfw#45, cypw/MXNet2Caffe#7,
    amirgholami/SqueezeNext#5, cvjena/cnn-models#27.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample
from protolint.words import counted, titled

from ._weights import conversion, in_net, needs_no_cudnn

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("WT004", "blob-count-mismatch", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    if weights.net is None:
        yield from _never(weights)
    fold = next((gap.message for gap in weights.gaps if gap.is_fold), "")
    folded = False
    for gap in weights.gaps:
        if gap.kind != "blobs":
            continue
        layer = weights.file.layers[gap.position]
        expected = len(weights.wanted[gap.layer].shapes)
        cure = "run protolint convert" if gap.layout else "take the net of these weights"
        if gap.layout and needs_no_cudnn(weights, layer):
            cure += ", or say --without-cudnn if that is how it was built"
        if not gap.layout and fold:
            if folded:
                continue
            folded, cure = True, fold
        yield Finding(
            layer.span,
            f"{titled(layer.name)}: file has {counted(len(layer.shapes), 'blob')}, "
            f"{weights.dialect.name} expects {expected}; {cure}",
            layer=layer.name,
            related=in_net(weights, layer.name, counted(expected, "blob")),
            fix=conversion(weights) if gap.layout else None,
        )


def _never(weights: Weights) -> Iterator[Finding]:
    """BatchNorms with a number of blobs that the target gives to none, whatever its net says."""
    kinds = weights.dialect.engines.values()
    counts = sorted({len(blobs) for k in kinds for blobs in (k.blobs, k.affine_blobs) if blobs})
    for reading in weights.norms:
        stored = len(reading.layer.shapes)
        if stored not in counts:
            known = " or ".join(map(str, counts))
            yield Finding(
                reading.layer.span,
                f"{titled(reading.name)}: file has {counted(stored, 'blob')}, "
                f"{weights.dialect.name} expects {known}; run protolint convert",
                layer=reading.name,
                fix=conversion(weights),
            )


_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 4, 8, 8] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s }
"""
_THREE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 4 } data: [0.1, 0.2, 0.3, 0.4] }
  blobs { shape { dim: 4 } data: [1, 2, 3, 4] }
  blobs { shape { dim: 1 } data: 1 }
}
"""
_ON = "batch_norm_param { scale_bias: true }"
VALID = (WeightsExample("nvidia-0.17", _THREE.replace('"bn"', '"old"'), net=_NET % _ON),)
INVALID = (InvalidWeights("nvidia-0.17", _THREE, ("bn",), net=_NET % _ON),)
