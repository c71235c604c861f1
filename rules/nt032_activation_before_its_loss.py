"""Softmax in front of a loss that applies it once more.

What it does
    Reports a SoftmaxWithLoss whose scores come from a Softmax over the same axis, and a
    SigmoidCrossEntropyLoss whose scores come from a Sigmoid, in the training net.

Why it matters
    Both losses apply the activation themselves. Of probabilities between 0 and 1 the second
    Softmax gives nearly the same to each class, and gradients are tiny: the loss falls slowly
    and stops far above 0.

Which Caffe
    All. MultinomialLogisticLoss and InfogainLoss take probabilities; a Softmax over another axis,
    as for attention, is no fault.

What to do
    Give the loss the scores that the Softmax reads, and keep the Softmax for TEST or deploy.

Evidence
    zimenglan-sysu-512/Focal-Loss#12; softmax_loss_layer.cpp, sigmoid_cross_entropy_loss_layer.cpp
    of every branch; observed in a real build: after 30 steps the loss is 2.08, without the
    Softmax 0.00.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.fields import integer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import TRAIN, Net

from ._layers import named

_TWICE = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}


@net_rule("NT032", "activation-before-its-loss", Severity.WARNING, types=tuple(_TWICE))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(_TWICE):
        views = net.views_of(layer, TRAIN)
        version = views[0].bottom(layer) if views else None
        if version is None or version.producer is None:
            continue
        above = version.producer
        if above.type != _TWICE[layer.type] or not above.bottoms:
            continue
        axes = {integer(one, "softmax_param", "axis", 1) for one in (above, layer)}
        if len(axes) > 1:
            continue
        yield Finding(
            layer.bottoms[0].span,
            f"{named(layer)}: '{version.name}' is a {above.type} already, and "
            f"{layer.type} applies it once more; read '{above.bottoms[0].name}'",
            layer=layer.name,
            related=(Label(above.head, "applied here"),),
        )


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" } }
layer { name: "p" type: "ReLU" bottom: "x" top: "p"  }
layer { type: "SoftmaxWithLoss" name: "l"
  bottom: "p"
  bottom: "t"
}
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" } }
layer { name: "p" type: "Softmax" bottom: "x" top: "p"  }
layer { type: "SoftmaxWithLoss" name: "l"
  bottom: "p"
  bottom: "t"
}
""",
        (4,),
    ),
)
