"""A `moving_average_fraction` with which no average of the batches comes about.

What it does
    Reports a `moving_average_fraction` below 0, of 0, above 1, and of 1 where that keeps what
    is there, for a BatchNorm that collects statistics in training.

Why it matters
    The fraction is the weight of the old statistics against the new batch. Outside 0 to 1 the
    running mean runs away or swings, with 0 only the last batch counts, with 1 in NVIDIA's
    implementations nothing after the first batches does. Testing then uses wrong statistics,
    while the training loss looks fine.

Which Caffe
    All. In BVLC and in NVIDIA 0.14 with `engine: CAFFE` the layer keeps sums, and 1 gives the
    exact average of all batches: right there. Source: Forward of batch_norm_layer.cpp and
    cudnn_batch_norm_layer.cu @ BVLC 1.0, NVIDIA v0.14.5 to v0.17.4.

Evidence
    NVIDIA/DIGITS#629, NVIDIA/caffe#279.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.float32 import single
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._affine import collects_statistics
from ._layers import named
from ._statistics import node_of, norm_of

#: What an average with a fraction of 1 is, by the batch that it keeps.
_KEPT = {
    0: "the statistics stay empty",
    1: "only the first batch counts",
    2: "only the second batch counts",
}


@net_rule(
    "BN023", "moving-average-out-of-range", Severity.ERROR, words=("moving_average_fraction",)
)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.batchnorms:
        fraction = norm_of(net, layer).fraction
        value = None if fraction is None else single(fraction)
        effect = "" if value is None else _effect(net, layer, value)
        node = node_of(layer, "moving_average_fraction") if effect else None
        if node is not None and collects_statistics(net, layer):
            yield Finding(
                node.span,
                f"{named(layer)}: moving_average_fraction {value:g}: {effect}; use 0.999",
                layer=layer.name,
                severity=Severity.WARNING if value == 0 else None,
            )


def _effect(net: Net, layer: Layer, value: float) -> str:
    """Return what the value does to the running statistics; "" where they are an average."""
    if value < 0:
        return "the statistics are no average of anything"
    if value == 0:
        return "only the last batch counts"
    kind = net.traits(layer).kind
    if value > 1:
        return (
            "the oldest batches outweigh all others" if kind.sums else "the running mean runs away"
        )
    kept = kind.batch_kept_at_fraction_one
    return _KEPT[kept] if value == 1 and kept is not None else ""


def _net(value: str, rest: str = "", data: str = "Data") -> str:
    return f"""\
layer {{ name: "d" type: "{data}" top: "x" }}
layer {{
  name: "bn" type: "BatchNorm" bottom: "x" top: "y" {rest}
  batch_norm_param {{
    moving_average_fraction: {value}
    %s
  }}
}}
"""


VALID = (Example("bvlc", _net("1") % ""),)
INVALID = (Invalid("bvlc", _net("-0.5") % "", (5,)),)
