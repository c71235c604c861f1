"""A layer in place whose type cannot work in place.

What it does
    Reports a layer whose top is its bottom although its type destroys its own input:
    Convolution, Deconvolution, InnerProduct, Pooling, LRN and an Eltwise SUM or MAX; AbsVal,
    Split, Flatten and Reshape; and in training Power, Log, BNLL and MVN.

Why it matters
    The first group computes a wrong output or crashes, the second aborts when the net is
    built, the third has the right output and a wrong gradient: a Power with `scale: 2` passes
    its own idea of a gradient down, whatever comes from above.

Which Caffe
    All. NVIDIA 0.14 takes Flatten and Reshape in place, and NVIDIA 0.17 Eltwise, which shares
    its memory there anyway. Power, Log, BNLL and MVN are right in deploy nets, and where
    nothing above them learns. BatchNorm, Scale, Bias, ReLU, PReLU, ELU, Sigmoid, TanH, Exp,
    Softmax and Dropout are made for it.

Fix
    Safe: gives the layer a top of its own and renames that blob for the layers below. Names
    of blobs seen from outside the net change.

Evidence
    Each type in place against the same layer with its own blob, in BVLC master and NVIDIA
    0.14.5 to 0.17.4; for Eltwise: Forward_cpu of eltwise_layer.cpp, which clears its top first.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.base import InPlace
from protolint.layers.catalogue import ALL_TYPES
from protolint.layers.layer import Layer
from protolint.lint.rule import Finding, Invalid, net_rule
from protolint.net.learning import gets_gradient
from protolint.net.net import Net
from protolint.net.view import View

from ._inplace import own_top
from ._layers import named

_HARMLESS = (InPlace.FINE, InPlace.UNTRIED)


@net_rule("NT012", "layer-cannot-work-in-place", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    in_place = {index for view in net.views for index in view.in_place}
    for layer in map(net.layers.__getitem__, sorted(in_place)):
        known = ALL_TYPES.get(layer.type)
        effect = known.effect_in_place(layer, net.dialect) if known is not None else InPlace.FINE
        if effect in _HARMLESS:
            continue
        for view in net.views_of(layer):
            index = _spoilt_top(net, view, layer, effect)
            if index is None:
                continue
            yield Finding(
                layer.tops[index].span,
                f"{named(layer)}: {layer.type} cannot work in place ({effect.value}); write to a "
                "new blob",
                layer=layer.name,
                fix=own_top(net, layer, index),
            )
            break


def _spoilt_top(net: Net, view: View, layer: Layer, effect: InPlace) -> int | None:
    """Return the first top that is wrong in place: the gradient may be all that is."""
    for index, lost in view.lost(layer):
        if effect is not InPlace.WRONG_GRADIENT or gets_gradient(net, view, lost):
            return index
    return None


INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "x" }
layer { name: "Power" type: "Power" bottom: "x" top: "x" power_param { scale: 2 } }
layer { name: "ReLU" type: "ReLU" bottom: "x" top: "x" }
""",
        (3,),
        fixed="""\
layer { name: "d" type: "Data" top: "data" }
layer { name: "c" type: "Convolution" bottom: "data" top: "x" }
layer { name: "Power" type: "Power" bottom: "x" top: "Power" power_param { scale: 2 } }
layer { name: "ReLU" type: "ReLU" bottom: "Power" top: "Power" }
""",
    ),
)
