"""An in-place layer over the output that another layer needs for its gradient.

What it does
    Reports an in-place layer that destroys what the layer above it needs in the backward
    pass: a BatchNorm or Scale over a ReLU that itself works in place, a Scale or Dropout over
    a Sigmoid, nearly anything over a TanH, ELU, MVN or LRN. Where several in-place layers
    follow each other, or a Flatten or Reshape stands between, the memory is still the same.

Why it matters
    The forward pass is right and the gradient is wrong, by up to its own size. Nothing says
    so; the net learns badly or not at all.

Which Caffe
    All, in training. A ReLU in place needs but the sign of its output, so ReLU, PReLU, ELU,
    TanH and Dropout over it are harmless; so is a ReLU over Sigmoid, TanH, ELU, LRN or
    Softmax, and anything over layers that keep a copy or need their bottom (Convolution,
    Pooling, BatchNorm, Scale). Where nothing above the layer learns, no gradient is asked for.

Fix
    Safe: gives the in-place layer a top of its own and renames that blob for the layers
    below. Names of blobs seen from outside the net change.

Evidence
    BVLC/caffe#2015, #2853; 42 writers overwritten by 16 layer types, compared with finite
    differences in BVLC master and NVIDIA 0.14.5 to 0.17.4: wrong by 3 to 130 % in these pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.learning import gets_gradient
from protolint.net.memory import needed
from protolint.net.net import TRAIN, Net

from ._inplace import own_top
from ._layers import named


@net_rule("NT004", "inplace-clobbers-backward", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    reported: set[int] = set()
    for view in net.views:
        if view.state.phase != TRAIN:
            continue  # No gradient is asked for.
        for layer, index, writer in needed(net, view).spoiled:
            wanted = any(gets_gradient(net, view, one) for one in view.bottoms[writer.index])
            if layer.index in reported or not wanted:
                continue
            reported.add(layer.index)
            top = layer.tops[index]
            yield Finding(
                top.span,
                f"{named(layer)}: overwrites '{top.name}', which '{named(writer)}' needs for its "
                "gradient; write to a new blob",
                layer=layer.name,
                related=(Label(writer.head, f"a {writer.type} needs its output"),),
                fix=own_top(net, layer, index),
            )


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "ReLU" type: "ReLU" bottom: "c" top: "c" }
layer { name: "BatchNorm" type: "BatchNorm" bottom: "c" top: "c" }
layer { name: "ip" type: "InnerProduct" bottom: "c" top: "ip" }
""",
        (4,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "ReLU" type: "ReLU" bottom: "c" top: "c" }
layer { name: "BatchNorm" type: "BatchNorm" bottom: "c" top: "BatchNorm" }
layer { name: "ip" type: "InnerProduct" bottom: "BatchNorm" top: "ip" }
""",
    ),
)
