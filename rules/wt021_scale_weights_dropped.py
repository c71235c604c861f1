"""Gamma and beta in a Scale layer that the net does not have.

What it does
    Looks in the file for a Scale that follows a BatchNorm and has its channels. Reports it where
    the net has the BatchNorm and no layer of the Scale's name, unless gamma is 1 and beta 0 in all
    channels. Needs the net.

Why it matters
    The net loads and computes without gamma and beta; what is logged is one line, `Ignoring
    source layer scale`, among many at INFO. In runs the output was off by half of its size.

Which Caffe
    All: weights of BVLC in a net for NVIDIA that keeps gamma and beta inside its BatchNorm, or a
    Scale layer that is missing. One that only has another name in the net gets no weights, which
    is WT013. Where the BatchNorm does not fit, WT004 says so alone; where it is gone from the
    net as well, both were folded into the layer above.

What to do
    Where the net's BatchNorm has gamma and beta, `protolint convert` merges the Scale into it.
    Else put the Scale into the net.

Evidence
    Seen in NVIDIA 0.14.5 with a BVLC file, and in 0.15.14, 0.16.6 and 0.17.4 with a file of 0.15
    that has BatchNorm and Scale.
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


@weights_rule("WT021", "scale-weights-dropped", Severity.ERROR)
def check(weights: Weights) -> Iterator[Finding]:
    stored = {layer.name for layer in weights.file.layers}
    for reading in weights.norms if weights.net is not None else ():
        norm = weights.as_stored.get(reading.name)
        scale, in_use = norm.facts.scale if norm else None, reading.norm.facts.scale
        if norm is None or scale is None or scale in weights.wanted:
            continue
        if in_use is not None and in_use not in stored:
            continue  # the net's Scale has another name and no weights: WT013
        gamma, beta = norm.scale_blobs[:1], norm.scale_blobs[1:2]
        fits = bool(gamma) and gamma[0].size == max(reading.sizes, default=0)
        plain = all((b == 1).all() for b in gamma) and not any(b.any() for b in beta)
        if fits and not plain:
            parameters = weights.wanted[reading.name].parameters or ()
            affine = any(parameter.role == "gamma" for parameter in parameters)
            yield Finding(
                reading.layer.span,
                f"{titled(reading.name)}: '{scale}' of the file is not in the net; its gamma and "
                f"beta are lost; {'run protolint convert' if affine else 'add it to the net'}",
                layer=reading.name,
                related=in_net(weights, reading.name, "this BatchNorm"),
                fix=conversion(weights) if affine else None,
            )


_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 2, 8, 8] } } }
layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" }
"""
_FILE = """\
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
layer {
  name: "scale" type: "Scale" bottom: "y" top: "y"
  blobs { shape { dim: 2 } data: [%s, 1] }
  blobs { shape { dim: 2 } data: [0, 0] }
}
"""
VALID = (WeightsExample("bvlc", _FILE % "1", net=_NET),)
INVALID = (InvalidWeights("bvlc", _FILE % "1.5", ("bn",), net=_NET),)
