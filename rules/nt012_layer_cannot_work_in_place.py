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
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.learning import gradients
from protolint.net.net import Net
from protolint.net.view import View

from ._inplace import operation, own_top
from ._layers import named

_EFFECTS = {
    "Convolution": "wrong output", "Deconvolution": "wrong output", "LRN": "wrong output",
    "InnerProduct": "wrong output or a crash", "Pooling": "wrong output",
    "Eltwise": "wrong output", "AbsVal": "the net aborts", "Split": "the net aborts",
    "Flatten": "the net aborts", "Reshape": "the net aborts",
}  # fmt: skip
_TRAINING = frozenset({"Power", "Log", "BNLL", "MVN"})


@net_rule("NT012", "layer-cannot-work-in-place", Severity.ERROR)
def check(net: Net) -> Iterator[Finding]:
    suspects = [
        layer
        for layer in net.of_types((*_EFFECTS, *_TRAINING))
        if layer.is_in_place() and not _is_made_for_it(net, layer)
    ]
    for layer in suspects:
        for view in net.views_of(layer):
            index = _spoilt_top(net, view, layer)
            if index is None:
                continue
            yield Finding(
                layer.tops[index].span,
                f"{named(layer)}: {layer.type} cannot work in place "
                f"({_EFFECTS.get(layer.type, 'wrong gradient')}); write to a new blob",
                layer=layer.name,
                fix=own_top(net, layer, index),
            )
            break


def _is_made_for_it(net: Net, layer: Layer) -> bool:
    if layer.type == "Eltwise" and operation(layer) not in ("SUM", "MAX"):
        return True
    return layer.type in net.dialect.works_in_place


def _spoilt_top(net: Net, view: View, layer: Layer) -> int | None:
    """Return the first top that is wrong in place: the gradient may be all that is."""
    for index, lost in view.in_place.get(layer.index, ()):
        if layer.type in _EFFECTS or id(lost) in gradients(net, view):
            return index
    return None


_HEAD = 'layer { name: "d" type: "Data" top: "data" }\n'
_CONV = 'layer { name: "c" type: "Convolution" bottom: "data" top: "x" }\n'


def _layer(type: str, bottom: str, top: str, more: str = "") -> str:
    return f'layer {{ name: "{type}" type: "{type}" bottom: "{bottom}" top: "{top}" {more}}}\n'


def _in_place(type: str, more: str = "") -> str:
    return _HEAD + _CONV + _layer(type, "x", "x", more)


_SUM = 'layer { name: "e" type: "Eltwise" bottom: "x" bottom: "data" top: "x" }\n'
_MADE_FOR_IT = (
    "BatchNorm", "Scale", "Bias", "ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Exp", "Softmax",
    "Dropout",
)  # fmt: skip
_TWICE = "power_param { scale: 2 } "
VALID = (
    *(Example("bvlc", _in_place(name)) for name in _MADE_FOR_IT),
    Example("bvlc", _HEAD + _layer("Pooling", "data", "p")),
    Example("nvidia-0.14", _in_place("Flatten")),
    Example("nvidia-0.17", _HEAD + _CONV + _SUM),
    Example("bvlc", _in_place("Power", "include { phase: TEST } ")),
    # Nothing above it learns.
    Example("bvlc", _HEAD + _layer("Power", "data", "data", _TWICE)),
    Example("bvlc", 'input: "x" input_dim: [1, 3, 8, 8]\n' + _layer("Log", "x", "x")),
    Example(
        "bvlc", _in_place("MVN").replace('"x" }', '"x" ' + "param { lr_mult: 0 } " * 2 + "}", 1)
    ),
)
INVALID = (
    Invalid(
        "bvlc",
        _in_place("Power", _TWICE) + _layer("ReLU", "x", "x"),
        (3,),
        fixed=_HEAD
        + _CONV
        + _layer("Power", "x", "Power", _TWICE)
        + _layer("ReLU", "Power", "Power"),
    ),
    Invalid("bvlc", _HEAD + _CONV + _SUM, (3,)),
    *(Invalid("bvlc", _in_place(name), (3,)) for name in (*_EFFECTS, "Log", "BNLL", "MVN")),
    Invalid("nvidia-0.17", _in_place("Pooling", "include { phase: TEST } "), (3,)),
    Invalid("nvidia-0.15", _in_place("Flatten"), (3,)),
)
