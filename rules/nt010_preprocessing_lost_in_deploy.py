"""Scaling or mean subtraction that only the training data layer does.

What it does
    Reports `scale`, `mean_file` or `mean_value` of the training data layer where the deploy net,
    checked together with it, has no Power, Scale or BatchNorm on its input.

Why it matters
    The data layer is not part of the deploy net. Whoever feeds it has to do the same to each
    image by hand, and without it the results are wrong in a way that is hard to see.

Which Caffe
    All. A Power layer in both nets instead of the data layer's settings goes along with the
    net. A `scale` of 1 and means of 0 do nothing.

Evidence
    NVIDIA/DIGITS#629, BVLC/caffe#4321, #2255.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net
from protolint.text.tree import Block, Scalar
from protolint.words import joined

_IN_THE_NET = frozenset({"Power", "Scale", "BatchNorm"})
#: Where V1 data layers had these fields before transform_param (UpgradeNetDataTransformation).
_OLD_PLACES = ("data_param", "image_data_param", "window_data_param")


@net_rule("NT010", "preprocessing-lost-in-deploy", Severity.INFO, sibling=True)
def check(net: Net) -> Iterator[Finding]:
    deploy = net.sibling if not net.is_deploy else None
    if deploy is None or _prepares_input(deploy):
        return
    for layer in net.layers:
        if layer.bottoms or not layer.tops or not net.is_active(layer, "TRAIN"):
            continue
        applied = _applied(layer)
        if applied:
            what = joined(dict.fromkeys(node.name for node in applied))
            start = next((top.span for other in deploy.layers for top in other.bottoms), None)
            related = (Label(start, "takes the image as it is", deploy.source),) if start else ()
            yield Finding(
                applied[0].span,
                f"the training data layer applies {what} and the deploy net does not; "
                "do it to what that is fed",
                layer=layer.name,
                related=related,
            )
            return


def _prepares_input(deploy: Net) -> bool:
    """Whether a layer that does such things reads an input of the net."""
    return any(
        layer.type in _IN_THE_NET and (version is None or _is_input(version.producer))
        for view in deploy.views
        for layer in view.layers
        for version in view.bottoms[layer.index]
    )


def _is_input(producer: Layer | None) -> bool:
    return producer is None or producer.type == "Input"


def _applied(layer: Layer) -> list[Scalar | Block]:
    places = ["transform_param", *(_OLD_PLACES if layer.generation == 1 else ())]
    found: list[Scalar | Block] = []
    for place in places:
        param = layer.parameter(place)
        if param is None:
            continue
        if param.number("scale") != 1:
            found += param.nodes_of("scale")
        found += param.nodes_of("mean_file")
        if place == "transform_param" and any(param.numbers("mean_value")):
            found += param.nodes_of("mean_value")
    return sorted(found, key=lambda node: node.start)


VALID = (
    Example(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" top: "label"
  transform_param { scale: 1 mean_value: 0 }
}
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" }
""",
        others={
            "deploy.prototxt": """\
input: "data" input_dim: [1, 3, 8, 8]
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
"""
        },
        name="train_val.prototxt",
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        """\
layer { name: "d" type: "Data" top: "data" top: "label"
  transform_param { mirror: true
  scale: 0.1 mean_value: 104 mean_value: 117 }
}
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
layer { name: "l" type: "SoftmaxWithLoss" bottom: "c" bottom: "label" }
""",
        (3,),
        others={
            "deploy.prototxt": """\
input: "data" input_dim: [1, 3, 8, 8]
layer { name: "c" type: "Convolution" bottom: "data" top: "c" }
"""
        },
        name="train_val.prototxt",
    ),
)
