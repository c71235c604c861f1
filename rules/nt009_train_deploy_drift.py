"""A deploy net that computes something else than the net it was trained as.

What it does
    Compares the layers of a deploy net with those of the same name and type in its training
    net, where both are checked together: kernel, pad, stride, dilation and group of
    convolutions, `num_output` and `bias_term` of these and of InnerProduct, and the size of
    what an InnerProduct sees; kernel, pad, stride and method of pooling, `eps` and scale and
    bias of BatchNorm. Also reports a BatchNorm or Scale that only one of the two nets has.

Why it matters
    Weights are handed over by name, and nothing compares the rest: the deploy net loads and
    gives other results. With another number of outputs, another bias or another image size in
    front of an InnerProduct the weights are refused: `Incompatible number of blobs` or `shape
    mismatch`.

Which Caffe
    All. Fillers, `param`, `use_global_stats` and names of blobs may differ; `eps` is compared as
    the layer uses it, and the engine is BN027. A BatchNorm that was folded may be missing: its
    convolution has gained a bias, or has one and no BatchNorm is left. So may a branch that ends
    in a loss, and a layer on the deploy net's input that does what the data layer did. Two nets
    that have few names of convolutions in common are not compared.

Evidence
    BVLC/caffe#5102, shicai/MobileNet-Caffe#6, NVIDIA/DIGITS#1648, chainer/chainer#4858,
    liuzhuang13/DenseNetCaffe#8.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Label, Severity
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.net import Net

from ._drift import heads, is_folded, is_same_model, lost_layers, place, settings, what_it_sees
from ._layers import named


@net_rule("NT009", "train-deploy-drift", Severity.ERROR, sibling=True)
def check(net: Net) -> Iterator[Finding]:
    training = net.sibling if net.is_deploy else None
    if training is None or not is_same_model(net, training):
        return
    theirs = {(layer.type, layer.name): layer for layer in reversed(training.layers)}
    theirs.update(((layer.type, layer.name), layer) for layer in training.views[-1].layers)
    for layer in net.views[0].layers:
        other = theirs.get((layer.type, layer.name))
        if other is None:
            continue
        here, there = settings(net, layer), settings(training, other)
        if "bias_term" in here and is_folded(net, layer, training):
            del here["bias_term"]
        field = next((f for f in here if f in there and here[f] != there[f]), None)
        if field is not None:
            yield Finding(
                place(layer, field),
                f"{named(layer)}: {field} is {here[field]} here and {there[field]} in the training "
                "net; write one of them in both",
                layer=layer.name,
                related=(Label(place(other, field), there[field], training.source),),
            )
        elif layer.type == "InnerProduct":
            yield from _image_size(net, layer, training, other)
    yield from _added(net, {name for _, name in theirs})
    yield from _lost(net, training)


def _image_size(net: Net, layer: Layer, training: Net, other: Layer) -> Iterator[Finding]:
    """Yield a finding where an InnerProduct sees another number of values than in training."""
    view = next((view for view in training.views if other in view), None)
    if view is None:
        return
    here, there = what_it_sees(net, layer, net.views[0]), what_it_sees(training, other, view)
    if None in (here.values, there.values) or here.values == there.values:
        return
    yield Finding(
        layer.bottoms[0].span,
        f"{named(layer)}: sees {here.values} values ({here}) of an image here and {there.values} "
        f"({there}) in the training net; give both nets one image size",
        layer=layer.name,
        related=(Label(other.bottoms[0].span, str(there), training.source),),
    )


def _added(net: Net, known: set[str]) -> Iterator[Finding]:
    """Yield the BatchNorm and Scale layers that the training net lacks, except on inputs."""
    for layer, head in heads(net.views[0]):
        if layer.name not in known and head is not None and head.bottoms:
            yield Finding(
                layer.head,
                f"{named(layer)}: {layer.type} is present here and missing in the training net; "
                "take it out, or train with it",
                layer=layer.name,
            )


def _lost(net: Net, training: Net) -> Iterator[Finding]:
    """Yield the BatchNorm and Scale layers of the training net that the deploy net lacks."""
    for layer, above in lost_layers(net, training):
        yield Finding(
            above.head,
            f"{named(layer)}: {layer.type} is missing here and present in the training net; add it",
            layer=above.name,
            related=(Label(layer.head, "stands here", training.source),),
        )


_CONV = 'layer { name: "c" type: "Convolution" bottom: "x" top: "c"\n  convolution_param { %s } }\n'
_BN = 'layer { name: "bn" type: "BatchNorm" bottom: "c" top: "c"\n  batch_norm_param { %s } }\n'
_IP = 'layer { name: "ip" type: "InnerProduct" bottom: "c" top: "ip" }\n'
_PLAIN = "num_output: 8 kernel_size: 3 bias_term: false"


def _deploy(conv: str, *layers: str) -> str:
    return 'input: "x" input_dim: [1, 3, 8, 8]\n' + _CONV % conv + "".join(layers) + _IP


def _training(conv: str, *layers: str, crop: str = "") -> dict[str, str]:
    head = f'layer {{ name: "d" type: "Data" top: "x" top: "label" {crop} }}\n'
    loss = 'layer { name: "l" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }\n'
    return {"train_val.prototxt": head + _CONV % conv + "".join(layers) + _IP + loss}


def _valid(target: str, deploy: str, training: dict[str, str]) -> Example:
    return Example(target, deploy, training, "deploy.prototxt")


def _invalid(target: str, deploy: str, training: dict[str, str], line: int) -> Invalid:
    return Invalid(target, deploy, (line,), None, training, "deploy.prototxt")


_MORE = "num_output: 8 kernel_h: 3 kernel_w: 3 weight_filler { } pad: 0 bias_term: false"
VALID = (
    _valid("bvlc", _deploy(_PLAIN, _BN % ""), _training(_MORE, _BN % "use_global_stats: false")),
)
INVALID = (_invalid("bvlc", _deploy(_PLAIN, _BN % "eps: 0.001"), _training(_PLAIN, _BN % ""), 5),)
