"""A loss that would have to pass a gradient to its labels or prior boxes.

What it does
    Reports a loss whose labels, or a MultiBoxLoss whose prior boxes, come from layers that
    learn, without `propagate_down: false` for that bottom; and `propagate_down: true` for it.

Why it matters
    The net is built and the first forward pass runs. The backward pass aborts:
    `MultiBoxLoss Layer cannot backpropagate to prior inputs`, `SoftmaxWithLoss Layer cannot
    backpropagate to label inputs`.

Which Caffe
    All that have the layer. PriorBox reads only the size of its map, and is taken for a way of
    gradients all the same.

What to do
    MultiBoxLoss: `propagate_down: true propagate_down: true propagate_down: false
    propagate_down: false`. Other losses: `propagate_down: true propagate_down: false`, or the
    right blob.

Evidence
    Backward_cpu of each loss layer (src/caffe/layers), Net::AppendBottom (src/caffe/net.cpp) of
    every branch.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.init import construction
from protolint.net.learning import gets_gradient, is_loss
from protolint.net.net import TRAIN, Net
from protolint.net.view import View, made_at

from ._layers import named

#: The bottoms to which a loss passes no gradient, and what is in them.
_ENDS = {
    "HingeLoss": {1: "labels"},
    "InfogainLoss": {1: "labels", 2: "weights of classes"},
    "MultiBoxLoss": {2: "prior boxes", 3: "labels"},
    "MultinomialLogisticLoss": {1: "labels"},
    "SigmoidCrossEntropyLoss": {1: "labels"},
    "SoftmaxWithLoss": {1: "labels"},
}


@net_rule("NT037", "gradient-to-labels", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    for layer in net.of_types(_ENDS):
        views = net.views_of(layer, TRAIN)
        if not views or not is_loss(layer):
            continue
        view = views[0]
        found = next(_ends(net, view, layer), None)
        if found is not None and all(f.layer is not layer for f in construction(net, view).faults):
            i, what = found
            place = made_at(view, view.bottoms[layer.index][i])
            yield Finding(
                layer.bottoms[i].span,
                f"{named(layer)}: the gradient would go on to the {what} "
                f"'{layer.bottoms[i].name}', and backward aborts; give propagate_down: false for "
                "that bottom",
                layer=layer.name,
                related=(Label(place, "it learns"),) if place else (),
            )


def _ends(net: Net, view: View, layer: Layer) -> Iterator[tuple[int, str]]:
    """Yield each bottom that gets a gradient and cannot pass it on."""
    switches = [value for value, _ in layer.message.given.get("propagate_down", ())]
    if switches and len(switches) != len(layer.bottoms):
        return  # NT026
    bottoms = view.bottoms[layer.index]
    for i, what in _ENDS[layer.type].items():
        if i < len(bottoms) and (switches[i] if switches else gets_gradient(net, view, bottoms[i])):
            yield i, what


def _ssd(switches: str, more: str = "") -> str:
    return f"""\
layer {{ name: "d" type: "DummyData" top: "image" top: "label"
  dummy_data_param {{ shape {{ dim: [1, 3, 8, 8] }} shape {{ dim: [1, 1, 2, 8] }} }} }}
layer {{ name: "map" type: "Convolution" bottom: "image" top: "map" {more}
  convolution_param {{ num_output: 4 kernel_size: 1 weight_filler {{ type: "msra" }} }} }}
layer {{ name: "prior" type: "PriorBox" bottom: "map" bottom: "image" top: "prior"
  prior_box_param {{ min_size: 4 }} }}
layer {{ name: "loc" type: "Flatten" bottom: "map" top: "loc" }}
layer {{ name: "loss" type: "MultiBoxLoss" top: "loss" {switches}
  bottom: "loc"
  bottom: "loc"
  bottom: "prior"
  bottom: "label"
  multibox_loss_param {{ num_classes: 4 }}
}}
"""


VALID = (Example("ssd", _ssd("", "param { lr_mult: 0 } param { lr_mult: 0 }")),)
INVALID = (Invalid("ssd", _ssd(""), (11,)),)
