"""A net that computes something else than the one whose weights it loads.

What it does
    Compares the net with the layers that a caffemodel describes: a BatchNorm with another `eps`
    is a warning, and a BatchNorm that the net lacks between two layers which it has is an error.
    Needs the net. Where loading aborts besides, WT004 says it.

Why it matters
    Loading succeeds, and the outputs are wrong. A net that was written for folded weights gives
    values that nothing has normalised; another eps moves channels of small variance.

Which Caffe
    All: Caffe copies blobs by the layer's name and looks at nothing else that the file says.

What to do
    Write the eps of the weights, or take the net that was trained. `protolint deploy --fold`
    folds a net with its weights.

Evidence
    chuanqi305/MobileNet-SSD#75, eric612/MobileNet-YOLO#42: OpenCV loads such a pair without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from protolint.diagnostic import Severity
from protolint.lint.rule import Finding, weights_rule
from protolint.lint.weights_example import InvalidWeights, WeightsExample

from ._weights import in_net

if TYPE_CHECKING:
    from protolint.lint.weights import Weights


@weights_rule("WT022", "trained-otherwise", Severity.WARNING)
def check(weights: Weights) -> Iterator[Finding]:
    aborts = any(gap.kind == "blobs" for gap in weights.gaps)
    for gap in weights.gaps:
        if gap.kind == "eps":
            place = in_net(weights, gap.layer, "another eps")
            layer, severity = weights.file.layers[gap.position], None
        elif gap.kind == "not folded" and not aborts:
            layer = next(one for one in weights.file.layers if one.name == gap.other)
            place, severity = (), Severity.ERROR
        else:
            continue
        yield Finding(layer.span, gap.message, layer=layer.name, related=place, severity=severity)


_NET = """\
layer { name: "data" type: "Input" top: "x" input_param { shape { dim: [1, 1, 8, 8] } } }
layer { name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param { num_output: 2 } }
""".replace("num_output: 2", "num_output: 2 kernel_size: 1")
_NORM = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c" %s }\n'
_EPS = "batch_norm_param { eps: 0.001 }"
_RELU = 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }\n'
_FILE = """\
layer {
  name: "c" type: "Convolution" bottom: "x" top: "c"
  blobs { shape { dim: [2, 1, 1, 1] } data: [1, 2] } blobs { shape { dim: 2 } data: [0, 1] }
}
layer {
  name: "bn" type: "BatchNorm" bottom: "c" top: "c" batch_norm_param { %s }
  blobs { shape { dim: 2 } data: [0.1, 0.2] }
  blobs { shape { dim: 2 } data: [1, 2] }
  blobs { shape { dim: 1 } data: 1 }
}
"""
VALID = (WeightsExample("bvlc", _FILE % "eps: 0.001", net=_NET + _NORM % _EPS + _RELU),)
INVALID = (InvalidWeights("bvlc", _FILE % "eps: 0.001", ("bn",), net=_NET + _NORM % "" + _RELU),)
