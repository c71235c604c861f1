"""An Eltwise sum of NVIDIA 0.17 that writes over a blob still in use.

What it does
    Reports an Eltwise SUM (no coefficient but 1) where the blob it takes first is still
    needed: by a layer below, by the gradient of a layer above that reads it, or by the
    gradient of the layer that wrote it. Also one that is the first reader of a blob which a
    layer below reads too, while another of its bottoms was written earlier.

Why it matters
    To save memory the sum is written into the first bottom, and all bottoms share one
    gradient. Whoever reads that bottom later gets the sum; a convolution above takes it for
    its own input when it computes the gradient of its weights. There is no message.

Which Caffe
    NVIDIA 0.17, where `eltwise_mem_sharing` is not false (a field known from 0.17.1 on). PROD,
    MAX and other coefficients share nothing. The usual residual block, with the branch first
    and the shortcut second, is right; so is a first bottom that is read above by BatchNorm,
    Pooling, Bias, Sigmoid, TanH, Exp, Softmax, MVN, Concat, Slice, Eltwise SUM or MAX, or a
    linear Power, and by nobody below.

Fix
    Safe: puts a bottom first that nobody else needs; where there is none, or where the
    shared gradient is the fault, `eltwise_mem_sharing: false` for the net.

Evidence
    NVIDIA/caffe#497, #523, #433; eltwise_layer.cpp and split_layer.cpp @ v0.17.0, v0.17.1; 69
    nets on 0.17.4 against the same nets without sharing.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.edit import Fix
from protolint.layers.eltwise import is_plain_sum
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Scalar
from protolint.text.write import replace_value

from ._layers import named
from ._sharing import conflict_of, other_first
from ._solver import set_field

_FIELD = "eltwise_mem_sharing"


@net_rule(
    "NT007",
    "eltwise-shared-memory",
    Severity.ERROR,
    where=lambda caffe: caffe.shares_eltwise_memory,
    types=("Eltwise",),
)
def check(net: Net) -> Iterator[Finding]:
    sums = [layer for layer in net.of_types(("Eltwise",)) if is_plain_sum(layer)]
    if not sums or not net.message.flag(_FIELD):
        return
    for layer in sums:
        kept = [view for view in net.views if layer in view]
        conflict = conflict_of(net, kept, layer, 0)
        if conflict is None:
            continue
        bottom, other = layer.bottoms[conflict.bottom], conflict.other
        instead = other_first(net, kept, layer)
        cure = f"set {_FIELD}: false" if instead is None else "list the other branch first"
        if conflict.gradient:
            what = (
                f"shares one gradient among the bottoms, and '{named(other)}' adds to that of "
                f"'{bottom.name}'"
            )
        else:
            what = f"writes the sum into '{bottom.name}', which '{named(other)}' still needs"
        place = next((b.span for b in other.bottoms if b.name == bottom.name), other.head)
        yield Finding(
            bottom.span,
            f"{named(layer)}: {net.dialect.name} {what}; {cure}",
            layer=layer.name,
            related=(Label(place, f"'{named(other)}' needs it here"),),
            fix=_no_sharing(net) if instead is None else _swap(layer, instead),
        )


def _swap(layer: Layer, index: int) -> Fix | None:
    first, other = layer.bottoms[0].node, layer.bottoms[index].node
    if not isinstance(first, Scalar) or not isinstance(other, Scalar):
        return None
    edits = (replace_value(first, other.raw), replace_value(other, first.raw))
    return Fix(f"List '{layer.bottoms[index].name}' first", edits)


def _no_sharing(net: Net) -> Fix | None:
    edit = set_field(net.source, net.message, _FIELD, "false", net.layers[0].node)
    return Fix("Turn memory sharing off", (edit,)) if edit is not None else None


INVALID = (
    Invalid(
        "nvidia-0.17",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "x" }
layer { name: "y" type: "Convolution" bottom: "x" top: "y" }
layer { name: "s" type: "Eltwise" bottom: "x" bottom: "y" top: "s"  }
""",
        (4,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "x" }
layer { name: "y" type: "Convolution" bottom: "x" top: "y" }
layer { name: "s" type: "Eltwise" bottom: "y" bottom: "x" top: "s"  }
""",
    ),
)
