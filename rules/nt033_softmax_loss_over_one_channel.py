"""A SoftmaxWithLoss over one channel.

What it does
    Reports a SoftmaxWithLoss of the training net whose scores have one channel, or one value
    along `softmax_param.axis`.

Why it matters
    The probability of the only class is always 1: the loss is 0 and so are all gradients. A
    label of 1 is out of range and reads other memory.

Which Caffe
    All.

What to do
    Give it two outputs, or use SigmoidCrossEntropyLoss.

Evidence
    BVLC/caffe#5240; softmax_loss_layer.cpp of every branch; observed in a real build: loss 0,
    gradients 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.fields import integer
from protolint.layers.shape import UNKNOWN
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.init import construction
from protolint.net.net import TRAIN, Net
from protolint.net.shapes import shapes

from ._layers import named


@net_rule("NT033", "softmax-loss-over-one-channel", Severity.ERROR, types=("SoftmaxWithLoss",))
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(("SoftmaxWithLoss",)):
        views = net.views_of(layer, TRAIN)
        version = views[0].bottom(layer) if views else None
        if version is None:
            continue
        axis = integer(layer, "softmax_param", "axis", 1)
        built = construction(net, views[0]).shapes.get(version, UNKNOWN).size(axis)
        if built is not None and built != 1:
            continue
        # Below a fault the walk knows less than the layers say.
        shape = shapes(net, views[0]).get(version, UNKNOWN)
        if shape.size(axis) != 1:
            continue
        yield Finding(
            layer.bottoms[0].span,
            f"{named(layer)}: '{layer.bottoms[0].name}' ({shape}) has one channel, whose "
            "probability is always 1; give it two outputs or use SigmoidCrossEntropyLoss",
            layer=layer.name,
        )


def _net(dims: str, more: str = "") -> str:
    return f"""\
layer {{ name: "d" type: "DummyData" top: "x" top: "t"
  dummy_data_param {{ shape {{ dim: [{dims}] }} shape {{ dim: [2, 1, 4, 4] }} }} }}
layer {{
  name: "l"
  type: "SoftmaxWithLoss"
  bottom: "x"
  bottom: "t"
  {more}
}}
"""


VALID = (Example("bvlc", _net("2, 2, 4, 4")),)
INVALID = (Invalid("bvlc", _net("2, 1, 4, 4"), (6,)),)
