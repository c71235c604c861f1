"""Weights that start at 0 and never leave it.

What it does
    Reports a Convolution, Deconvolution or InnerProduct of the training net without a
    `weight_filler`, or with one of constant 0, in three cases: its `lr_mult` is 0 and the layer
    with weights above it starts with random values and learns; a ReLU follows, behind
    normalisation at most, and the layer above starts so; or no layer of the net has any other
    filler, which is reported once where the net is plainly for training.

Why it matters
    The top is 0 everywhere. What passes no gradient back for a 0, a ReLU or frozen weights,
    ends learning here and above: the loss stands still, at ln 2 for two classes. No message
    says so.

Which Caffe
    All: the default of `weight_filler` is constant 0. It is right where weights are loaded, so
    this rule is silent with `--fine-tune`, where the solver names weights, and where only some
    layers lack a filler and those above lack it, too, as in nets for fine-tuning. The last
    layer may start at 0.

What to do
    Give it a `weight_filler`: `msra` in front of a ReLU, `bilinear` with `group` for upsampling.

Evidence
    BVLC/caffe#4446, torrvision/crfasrnn#54, kmaninis/OSVOS-caffe#6, hujie-frank/SENet#26,
    farmingyard/ShuffleNet#12; observed in a real build: every gradient 0 but that of the last
    bias.
"""

from __future__ import annotations

from collections.abc import Iterator

from protolint.diagnostic import Severity
from protolint.layers.fields import flag
from protolint.layers.layer import Layer
from protolint.lint.rule import Example, Finding, Invalid, net_rule
from protolint.net.learning import losses
from protolint.net.net import TRAIN, Net
from protolint.net.view import View
from protolint.source import Span

from ._layers import named
from ._starts import (
    WEIGHTED,
    filler,
    is_fresh,
    is_trained,
    starts_at_zero,
    weights_above,
    weights_learn,
    weights_start_at_zero,
)  # fmt: skip


@net_rule("NT030", "weights-start-at-zero", Severity.WARNING, types=tuple(WEIGHTED))
def check(net: Net) -> Iterator[Finding]:
    view = next((view for view in net.views if view.state.phase == TRAIN), None)
    if view is None or not any(layer in view for layer in losses(net)):
        return
    zero = [layer for layer in net.of_types(WEIGHTED) if weights_start_at_zero(net, layer)]
    if not zero or net.fine_tunes or net.is_template:
        return
    weighted = [layer for layer in net.of_types(WEIGHTED) if layer in view]
    if all(weights_start_at_zero(net, layer) for layer in weighted):
        if is_trained(net, view):
            yield from _everywhere(weighted)
        return
    for layer in zero:
        above = weights_above(view, layer)
        if above is None or not is_fresh(above) or any(param.name for param in layer.params):
            continue
        why = _why(view, layer)
        if why:
            yield Finding(
                _place(layer),
                f"{named(layer)}: the weights start at 0{why}; give it a weight_filler",
                layer=layer.name,
            )


def _everywhere(weighted: list[Layer]) -> Iterator[Finding]:
    """Yield the finding on a net whose layers all start at 0, if more than one learns."""
    learning = [layer for layer in weighted if weights_learn(layer)]
    if len(learning) > 1 and len(learning) == len(weighted):
        yield Finding(
            _place(learning[0]),
            f"{named(learning[0])}: no layer has a weight_filler, so all weights start at 0 and "
            "nothing is learned unless weights are loaded (--fine-tune)",
            layer=learning[0].name,
        )


def _why(view: View, layer: Layer) -> str:
    """Return why weights of 0 stay as they are; "" where they do not."""
    if not weights_learn(layer):
        return " and lr_mult is 0, so nothing passes"
    has_bias = flag(layer, WEIGHTED[layer.type], "bias_term", True)
    if has_bias and not starts_at_zero(layer, "bias_filler"):
        return ""
    version = view.tops[layer.index][0] if layer.tops else None
    while version is not None and len(version.readers) == 1:
        reader = version.readers[0]
        if reader.type == "ReLU":
            param = reader.parameter("relu_param")
            sloped = param is not None and param.number("negative_slope") != 0
            return "" if sloped else f", and '{reader.name}' passes no gradient for 0"
        if reader.type not in ("BatchNorm", "Scale", "Dropout") or _shifts(reader):
            return ""
        version = view.tops[reader.index][0]
    return ""


def _shifts(layer: Layer) -> bool:
    """Whether a normalisation adds a bias that does not start at 0."""
    found = [layer.parameter(name) for name in ("scale_param", "batch_norm_param")]
    fillers = [message.message("bias_filler") for message in found if message is not None]
    return any(
        filler is not None and (filler.text("type") != "constant" or filler.number("value") != 0)
        for filler in fillers
    )


def _place(layer: Layer) -> Span:
    """Where the filler of 0 stands, or what should hold one."""
    found = filler(layer)
    if found is not None and found.node is not None:
        return found.node.head_span
    return layer.anchor(WEIGHTED[layer.type])


_DATA = 'layer { name: "d" type: "HDF5Data" top: "x" top: "t" hdf5_data_param { source: "s" } }\n'
_CONV = """\
layer {{ name: "{0}" type: "{4}" bottom: "{1}" top: "{0}" {2}
  convolution_param {{ num_output: 4 kernel_size: 3 {3} }} }}
"""
_RELU = 'layer { name: "r%s" type: "ReLU" bottom: "%s" top: "%s" %s }\n'
_LOSS = 'layer { name: "l" type: "EuclideanLoss" bottom: "%s" bottom: "t" }\n'
_MSRA = 'weight_filler { type: "msra" }'


def _conv(name: str, bottom: str, inside: str, more: str = "", type: str = "Convolution") -> str:
    return _CONV.format(name, bottom, more, inside, type)


def _relu(name: str, more: str = "") -> str:
    return _RELU % (name, name, name, more)


def _net(*layers: str, end: str) -> str:
    return _DATA + "".join(layers) + _LOSS % end


_FIRST = _conv("a", "x", _MSRA) + _relu("a")
_FROZEN = "param { lr_mult: 0 }"
VALID = (
    # The last layer.
    Example("bvlc", _net(_FIRST, _conv("b", "a", ""), end="b")),
)
INVALID = (
    Invalid("bvlc", _net(_FIRST, _conv("b", "a", "", _FROZEN, "Deconvolution"), end="b"), (6,)),
)
