"""The three zero blocks of BVLC on a BatchNorm that begins with gamma and beta.

What it does
    Reports a BatchNorm, active in training, with exactly three `param` blocks, all with
    `lr_mult: 0`, where the blobs are gamma, beta and then the statistics.

Why it matters
    In BVLC the three blobs are the statistics, and three zeros are right. Here they freeze
    gamma and beta, and the variance is left to weight decay (BN006). With gamma at 0 for want
    of a filler (BN003) the layer puts out a constant for ever.

Which Caffe
    NVIDIA 0.15, and 0.14 on cuDNN, where the mean is left to weight decay too. Right in BVLC,
    in 0.14 with `engine: CAFFE` and in 0.16 and later. Four zero blocks in 0.15, or five in
    0.14, are taken as meant. Source: batchnorm layers @ v0.14.5, v0.15.14.

Fix
    Safe: gamma and beta learn, the statistics are masked (1, 1, 0, 0; in 0.14 with one more 0).
    None where a block has a name, which would be shared with another blob then.

Evidence
    NVIDIA/DIGITS#629 (opening post), NVIDIA/DIGITS#1433; observed on 0.15 with `engine: CAFFE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.edit import Fix
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import append_field, replace_value

from ._layers import named
from ._statistics import STATISTICS, ZEROS, blob_settings, is_bvlc_idiom


@net_rule(
    "BN007",
    "bvlc-idiom-freezes-affine",
    Severity.WARNING,
    where=lambda caffe: caffe.has_affine_batchnorm and not caffe.masks_statistics,
    types=("BatchNorm",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        if not is_bvlc_idiom(net, layer) or not net.is_active(layer, "TRAIN"):
            continue
        wanted = _wanted(net, layer)
        yield Finding(
            layer.params[0].span,
            f"{named(layer)}: three zero lr_mult blocks freeze gamma and beta in "
            f"{net.dialect.name} and not the variance; use lr_mult {', '.join(map(str, wanted))}",
            layer=layer.name,
            fix=_fix(net, layer, len(wanted)),
        )


def _wanted(net: Net, layer: Layer) -> list[int]:
    """Return the lr_mult of each blob, up to the last statistic."""
    settings = blob_settings(net, layer)
    last = max(blob.number for blob in settings if blob.role in STATISTICS)
    return [int(blob.role in ("gamma", "beta")) for blob in settings[: last + 1]]


def _fix(net: Net, layer: Layer, number: int) -> Fix | None:
    if any(param.name for param in layer.params):
        return None
    nodes = [
        param.message.node_of(name)
        for param in layer.params[:2]
        for name in ("lr_mult", "decay_mult")
    ]
    edits = [replace_value(node, "1") for node in nodes if isinstance(node, Scalar)]
    edits.append(append_field(net.source, layer.node, [ZEROS] * (number - 3)))
    return Fix("Let gamma and beta learn and mask the statistics", tuple(edits))


INVALID = (
    Invalid(
        "nvidia-0.15",
        """\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 0 }
  param { lr_mult: 0 }
  param { lr_mult: 0 }
  batch_norm_param { engine: CAFFE }
}
""",
        (4,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer {
  name: "bn" type: "BatchNorm" bottom: "data" top: "bn"
  param { lr_mult: 1 }
  param { lr_mult: 1 }
  param { lr_mult: 0 }
  batch_norm_param { engine: CAFFE }
  param { lr_mult: 0 decay_mult: 0 }
}
""",
    ),
)
