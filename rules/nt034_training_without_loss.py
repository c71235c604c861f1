"""A training net without a loss.

What it does
    Reports a net with a data layer for TRAIN alone, or a solver, in which layers learn and no
    layer of the state TRAIN is a loss: none is of a loss type or has a `loss_weight` other
    than 0.

Why it matters
    The net is built and trains without a word. All gradients are 0; only weight decay moves
    the weights, towards 0.

Which Caffe
    All. With layer types of the user's own, or Python layers, it is not known, and this rule is
    silent.

What to do
    Add the loss, or set its `loss_weight`.

Evidence
    farmingyard/ShuffleNet#12; Net::AppendTop and SetLossWeights (src/caffe/net.cpp,
    include/caffe/layer.hpp) of every branch; observed in a real build: all gradients 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.learning import learns, may_train
from protolint.net.net import TRAIN, Net

from ._layers import named
from ._starts import is_trained


@net_rule("NT034", "training-without-loss", Severity.WARNING)
def check(net: Net) -> Iterator[Finding]:
    for view in net.views:
        # Whether a solver has the net is asked last: its file may have to be read.
        if view.state.phase != TRAIN or may_train(net, view) or not is_trained(net, view):
            continue
        learner = next((layer for layer in reversed(view.layers) if learns(net, layer)), None)
        if learner is not None:
            last = view.layers[-1]
            yield Finding(
                last.head,
                f"{named(last)}: the training net ends here without a loss, so nothing is learned; "
                "add one",
                layer=last.name,
            )
        return


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" }
   }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 3 } }
""",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" }
  include { phase: TRAIN } }
layer { name: "fc" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param { num_output: 3 } }
""",
        (3,),
    ),
)
