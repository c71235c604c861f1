"""A BatchNorm of NVIDIA 0.14 or 0.15 whose gamma starts at zero.

What it does
    Reports a BatchNorm that holds gamma and beta itself, is active in training and has no
    `scale_filler`.

Why it matters
    A filler that is not given is a constant 0, so gamma starts at 0: the layer puts out beta
    alone, and no gradient reaches the layers above it until gamma has moved.

Which Caffe
    NVIDIA 0.15 with either engine, and 0.14 on cuDNN. From 0.16 on gamma starts at 1 without a
    filler; 0.14 with `engine: CAFFE` and BVLC have no gamma in BatchNorm. A missing
    `bias_filler` is harmless: 0 is right for beta. Deploy nets load their weights, and where
    training starts from weights (`--fine-tune`) this is advice only. Source:
    LayerSetUp of batch_norm_layer.cpp and cudnn_batch_norm_layer.cpp @ v0.14.5, v0.15.14.

Fix
    Safe: adds `scale_filler { type: "constant" value: 1 }` and, where there is none, a
    `bias_filler` of 0.

Evidence
    NVIDIA/DIGITS#629, NVIDIA/caffe#298, NVIDIA/DIGITS#1433, NVIDIA/caffe#80.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.write import append_field

from ._layers import named

_FILLERS = {
    "scale_filler": 'scale_filler { type: "constant" value: 1 }',
    "bias_filler": 'bias_filler { type: "constant" value: 0 }',
}


@net_rule(
    "BN003",
    "missing-scale-filler",
    Severity.ERROR,
    where=lambda caffe: caffe.gamma_starts_at_zero,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        if layer.batchnorm.scale_filler or not net.traits(layer).affine:
            continue
        if not net.is_active(layer, "TRAIN"):
            continue
        yield Finding(
            layer.anchor("batch_norm_param"),
            f"{named(layer)}: gamma has no scale_filler and starts at 0; "
            f"add {_FILLERS['scale_filler']}",
            layer=layer.name,
            fix=_fix(net, layer),
            severity=Severity.INFO if net.fine_tunes else None,
        )


def _fix(net: Net, layer: Layer) -> Fix | None:
    param = layer.parameter("batch_norm_param")
    missing = [text for name, text in _FILLERS.items() if param is None or name not in param]
    if param is None or param.node is None:
        lines = ["batch_norm_param {", *(f"\t{text}" for text in missing), "}"]
        edit = append_field(net.source, layer.node, lines)
    else:
        edit = append_field(net.source, param.node, missing)
    return Fix("Let gamma start at 1", (edit,))


_NET = """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn"
  type: "BatchNorm"
  bottom: "data"
  top: "bn"
%s}
"""
INVALID = (
    Invalid(
        "nvidia-0.15",
        _NET % "  batch_norm_param { engine: CAFFE }\n",
        (7,),
        fixed=_NET
        % '  batch_norm_param { engine: CAFFE scale_filler { type: "constant" value: 1 } '
        'bias_filler { type: "constant" value: 0 } }\n',
    ),
)
