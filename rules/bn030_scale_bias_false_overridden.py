"""`scale_bias: false` beside a filler, which turns scale and shift on all the same.

What it does
    Reports a BatchNorm with `scale_bias: false` and a `scale_filler` or a `bias_filler`.

Why it matters
    Either filler switches gamma and beta on, whatever `scale_bias` says: the layer has five
    blobs and not the three that the file asks for.

Which Caffe
    NVIDIA 0.16 and later. `scale_bias: false` alone is the default spelled out, fillers without
    the field are how 0.15 writes gamma and beta. Source: LayerSetUp of batch_norm_layer.cpp @
    v0.16.1 to v0.17.4.

Fix
    Unsafe: deletes `scale_bias: false`, which changes nothing for this Caffe; the fillers may
    be what was not meant.

Evidence
    Blob counts on v0.16.6 and v0.17.4.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Applicability, Fix
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.write import delete_fields
from protolint.words import joined

from ._layers import named


@net_rule(
    "BN030",
    "scale-bias-false-overridden",
    Severity.WARNING,
    where=lambda caffe: caffe.fillers_ask_for_affine,
    words=("scale_bias",),
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        param = layer.parameter("batch_norm_param")
        node = param.node_of("scale_bias") if param is not None else None
        if param is None or node is None or param.flag("scale_bias") or not net.keeps(layer):
            continue
        fillers = [
            node for name in ("scale_filler", "bias_filler") for node in param.nodes_of(name)
        ]
        if not fillers:
            continue
        yield Finding(
            node.span,
            f"{named(layer)}: scale_bias: false has no effect beside "
            f"{joined(filler.name for filler in fillers)}; remove one of them",
            layer=layer.name,
            related=tuple(Label(filler.name_span, "turns it on") for filler in fillers),
            fix=Fix(
                "Remove scale_bias: false",
                tuple(delete_fields(net.source, [node])),
                Applicability.UNSAFE,
            ),
        )


INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
layer { name: "d" type: "Input" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    eps: 1e-4
    scale_bias: false
    scale_filler { value: 1 }
  }
}
""",
        (6,),
        fixed="""\
layer { name: "d" type: "Input" top: "x" }
layer {
  name: "bn" type: "BatchNorm" bottom: "x" top: "y"
  batch_norm_param {
    eps: 1e-4
    scale_filler { value: 1 }
  }
}
""",
    ),
)
